"""A crash tells where it came about, and nothing that was typed or that machines sent."""

from pathlib import Path

import fakes
import pytest
from driving import TYPED, app_of, until

from fleettui.access import SecretQuestion
from fleettui.ui.app import FleetApp
from fleettui.ui.dialogs import secret

PASSWORD = "correct-horse-battery"


async def test_a_crash_while_a_password_is_given_does_not_tell_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figure 25, crash text. The frame that fails holds the password in its variables."""

    def broken(text: str) -> None:
        assert text == PASSWORD
        raise RuntimeError("a bug")

    monkeypatch.setattr(secret, "Secret", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        await _give_a_password(app_of(fakes.observer(), tmp_path))
    told = capsys.readouterr().err
    assert "RuntimeError: a bug" in told
    assert "in on_input_submitted" in told
    assert PASSWORD not in told
    assert fakes.TEMPLATE.raw not in told


async def _give_a_password(app: FleetApp) -> None:
    async with app.run_test() as pilot:
        await until(pilot, "BROKEN")
        app.push_screen(secret.SecretScreen(SecretQuestion("The passphrase of a key")))
        await until(pilot, "passphrase")
        await pilot.press(*(TYPED.get(letter, letter) for letter in PASSWORD), "enter")
