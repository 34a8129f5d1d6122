"""What a machine said to a command, read and retold."""

from fleettui.access import CommandResult, Ending

_ANSWERS = ("removed", "absent", "restored", "present", "writable", "refused")
"""First words of what the scripts print (`fleettui.commands.scripts`)."""


def answered(result: CommandResult) -> list[str]:
    """The lines of a script's answer, after whatever the login shell greeted with."""
    lines = as_text(result.stdout).splitlines()
    first = next((n for n, line in enumerate(lines) if line in _ANSWERS), len(lines))
    return lines[first:]


def refused(result: CommandResult) -> str | None:
    """Why the machine refused, in its own words; None where it did not."""
    answer = answered(result)
    return " ".join(answer[1:]) or "it does not say why" if answer[:1] == ["refused"] else None


def complaint(result: CommandResult) -> str:
    """How a command ended, in the machine's own words."""
    if result.ending is not Ending.EXITED:
        return result.reason.raw or "the connection broke"
    said = as_text(result.stderr).strip() or as_text(result.stdout).strip() or "nothing"
    return f"exit status {result.exit_status}; the machine said: {said}"


def as_text(data: bytes) -> str:
    """Bytes of a machine; what is no UTF-8 becomes `\\xNN`."""
    return data.decode("utf-8", "backslashreplace")
