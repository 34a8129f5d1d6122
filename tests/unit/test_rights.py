"""What credentials could do is told from answers to reads alone, and never guessed as a fence."""

import json

import pytest

from fleettui.access import HostUnreachable, RegistryUnavailable
from fleettui.commands.forced import fence_name
from fleettui.hosts.rights import read_rights
from fleettui.model.rights import Could, Rights
from fleettui.model.untrusted import Untrusted
from fleettui.registry.answers import Answer
from fleettui.registry.rights import MARK, find_rights
from fleettui.ui.standing import Standing

SWITCH, ROLES, WHOLE, OWN = "/v2/auth/enable", "/v2/auth/roles", "/v2/keys/", f"/v2/keys{MARK}"
ON, OFF = json.dumps({"enabled": True}).encode(), json.dumps({"enabled": False}).encode()


def etcd(switch: bytes, /, **statuses: int) -> Rights:
    """What is found out from these statuses of `roles`, `whole` and `own`."""
    names = {ROLES: "roles", WHOLE: "whole", OWN: "own"}

    def get(path: str) -> Answer:
        if path == SWITCH:
            return Answer("http://e:1", statuses.get("switch", 200), {}, switch)
        return Answer("http://e:1", statuses[names[path]], {}, b"{}")

    return find_rights(get)


@pytest.mark.parametrize(
    ("switch", "statuses", "could"),
    [
        (OFF, {}, Could.WRITE),
        (b"", {"switch": 404}, Could.WRITE),
        (b"", {"switch": 503}, Could.UNKNOWN),
        (ON, {"roles": 200}, Could.WRITE),
        (ON, {"roles": 401, "whole": 200, "own": 404}, Could.UNKNOWN),
        (ON, {"roles": 401, "whole": 401, "own": 401}, Could.UNKNOWN),
        (ON, {"roles": 403, "whole": 403, "own": 404}, Could.FENCED),
        (ON, {"roles": 401, "whole": 401, "own": 404}, Could.FENCED),
        (b"[]", {"roles": 401, "whole": 401, "own": 401}, Could.UNKNOWN),
    ],
)
def test_etcd_is_a_fence_only_where_it_shows_it(
    switch: bytes, statuses: dict[str, int], could: Could
) -> None:
    found = etcd(switch, **statuses)
    assert found.could is could
    assert str(found.why)


def test_what_is_no_etcd_tells_nothing() -> None:
    with pytest.raises(RegistryUnavailable, match="is no etcd"):
        etcd(b"<html>")


def machine(user: str, groups: str, fence: str = "") -> Rights:
    fields = ("Welcome!\nfleettui-rights-1", user, groups, fence, "end")
    return read_rights("".join(f"{field}\0" for field in fields).encode())


def test_a_machine_is_judged_by_its_own_answer() -> None:
    assert machine("core", "core sudo docker").could is Could.WRITE
    assert "sudo, docker" in str(machine("core", "core sudo docker").why)
    assert machine("root", "root").could is Could.WRITE
    assert machine("eve", "eve systemd-journal").could is Could.UNKNOWN
    assert machine("core", "core sudo", fence_name()).could is Could.FENCED
    other = machine("core", "core sudo", "0123456789ab")
    assert other.could is Could.FENCED
    assert fence_name() in str(other.why)
    for answer in (b"", b"fleettui-rights-1\0core\0", b"sh: id: not found\n"):
        with pytest.raises(HostUnreachable):
            read_rights(answer)


def test_an_observer_is_fenced_only_where_every_server_is() -> None:
    def rights(could: Could) -> Rights:
        return Rights(could, Untrusted("because"))

    fenced = Standing(rights(Could.FENCED)).with_machine(Untrusted("a"), rights(Could.FENCED))
    assert fenced.word == "by server"
    assert fenced.with_machine(Untrusted("b"), rights(Could.UNKNOWN)).word == ""
    assert fenced.with_machine(Untrusted("b"), rights(Could.WRITE)).word == "by choice"
    assert Standing(rights(Could.FENCED)).word == ""
    assert Standing().word == ""
