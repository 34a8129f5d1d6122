"""The answer of the copy script, read; see `fleettui.commands.scripts.COPY_SCRIPT`."""

import re

from fleettui.access import FileCopy, HostUnreachable

_HEAD = re.compile(
    rb"^([0-7]{1,6}) ([0-9]{1,10}) ([0-9]{1,10}) [0-9]+ ([0-9]{1,15})\n", re.MULTILINE
)
"""The script's own first line; a login shell may have greeted before it."""


def read_copy(answer: bytes) -> FileCopy:
    """A file's bytes, mode and owner. Raises HostUnreachable where the answer is not whole."""
    found = _HEAD.search(answer)
    if found is None:
        raise HostUnreachable("the machine's answer is not a copy of the file")
    content = answer[found.end() :]
    if int(found[4]) != len(content):
        raise HostUnreachable(
            f"the file changed while it was copied: {int(found[4])} bytes announced, "
            f"{len(content)} came"
        )
    return FileCopy(content, mode=int(found[1], 8), uid=int(found[2]), gid=int(found[3]))
