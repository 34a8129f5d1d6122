"""A login of etcd: what is sent, and what nobody gets to see."""

import base64

import pytest
from rich.pretty import pretty_repr

from fleettui.model.secret import Secret
from fleettui.registry.way import Login, Way

PASSWORD = "pässword" * 20


def test_user_and_password_are_sent_in_utf8_and_shown_to_nobody() -> None:
    login = Login("looker", Secret(PASSWORD))
    (header,) = login.header().values()
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == f"looker:{PASSWORD}"
    for shown in (repr(Way(login=login)), pretty_repr({"headers": login.header()}, max_string=80)):
        assert "pässword" not in shown
        assert base64.b64encode(b"looker:").decode()[:8] not in shown


def test_a_user_whose_name_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ValueError, match="colon"):
        Login("a:b", Secret("x"))
