"""What the SSH user could do on a machine, from its own answer; nothing is tried out."""

from fleettui.access import HostUnreachable
from fleettui.commands.forced import fence_name
from fleettui.hosts.text import as_text, last_words
from fleettui.model.rights import Could, Rights
from fleettui.model.untrusted import Untrusted

_BEGIN = b"fleettui-rights-1\0"
_ROOTS = ("root", "sudo", "wheel", "admin", "docker", "lxd", "libvirt", "disk")
"""Groups whose members become root where a machine is set up as usual, CoreOS among them."""


def read_rights(answer: bytes) -> Rights:
    """What RIGHTS_SCRIPT tells. Raises HostUnreachable where the answer is not whole."""
    begin = answer.find(_BEGIN)  # a login shell's greeting may stand before it
    fields = answer[begin + len(_BEGIN) :].split(b"\0") if begin >= 0 else []
    if len(fields) != 5 or fields[3:] != [b"end", b""]:
        raise HostUnreachable(f"no answer of fleettui's script: {last_words(answer) or 'silence'}")
    user, groups, fence = (as_text(field).raw for field in fields[:3])
    if fence:
        return Rights(Could.FENCED, Untrusted(_fenced(fence)))
    powers = [group for group in groups.split() if group in _ROOTS]
    if user == "root" or powers:
        what = "is root" if user == "root" else f"is in group {', '.join(powers)}"
        return Rights(Could.WRITE, Untrusted(f"{user} {what}, and no fence lies on the key"))
    words = f"no fence lies on the key, and what sudo lets {user} do is not asked by an observer"
    return Rights(Could.UNKNOWN, Untrusted(words))


def _fenced(fence: str) -> str:
    """The fence of another version holds as well, and may refuse what this one asks."""
    same = "" if fence == fence_name() else f"; ours is {fence_name()}: observer-setup prints it"
    return f"the key runs the forced command of observer-setup (fence {fence}{same})"
