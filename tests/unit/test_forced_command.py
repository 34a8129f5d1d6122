"""The forced command of an observer's key runs each read template, word for word, and no more."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from read_commands import EVERY, NO_ARGUMENTS

from fleettui.commands import shell_text
from fleettui.commands.forced import fence_name, forced_command
from fleettui.commands.scripts import FENCE_VARIABLE, IMAGES_SCRIPT, PROBE_SCRIPT
from fleettui.commands.templates import ReadTemplate

SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]
TELLS = f"""#!/bin/sh
printf '%s\\0' "$0" "${{{FENCE_VARIABLE}-}}" "${{LC_ALL-none}}" "$@"
"""
"""Stands for every program that the script may start, and tells how it was called."""
PROBE = shell_text(EVERY[0])
REFUSED = [
    "",
    "sh",
    "sh -i",
    "id",
    "touch /tmp/x",
    "sudo -n true",
    f"{PROBE}; touch /tmp/x",
    f"{PROBE} && reboot",
    f"{PROBE}\nreboot",
    f"{PROBE} $(reboot)",
    f"{PROBE} 'a.service' 'b;c.service'",
    f"{PROBE} 'a.service'b.service",
    f'{PROBE} "a.service"',
    f"{PROBE}  a.service",
    f"{PROBE} 'a.service",
    f"{PROBE} ''",
    f"{PROBE} -H",
    f"{PROBE} --since=-5min --since=-5min",
    PROBE.replace("fleettui-probe-1", "fleettui-probe-1; reboot"),
    f" {PROBE}",
    f"sh -c {shlex.quote(PROBE_SCRIPT)}",
    f"sh -c {shlex.quote(PROBE_SCRIPT + 'reboot')} fleettui-probe",
    "journalctl -o json --no-pager --vacuum-size=1",
    "journalctl -o json --no-pager --since=@1 _PID=1 --rotate",
    "internal-sftp",
    "scp -t /tmp",
    *(shlex.join([*t.value.head, *arguments]) for t, arguments in NO_ARGUMENTS),
]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the script, and the programs of the templates."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "observer-key").write_text(forced_command())
    for name in {template.value.head[0] for template in ReadTemplate}:
        (folder / name).write_text(TELLS)
        (folder / name).chmod(0o755)
    return folder


def ask(shell: str, programs: Path, text: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which(shell)
    assert program is not None
    environment = {"PATH": str(programs), "SSH_ORIGINAL_COMMAND": text, **more}
    argv = [program, str(programs / "observer-key")]
    return subprocess.run(argv, env=environment, capture_output=True, timeout=20, check=False)


@pytest.mark.parametrize("shell", SHELLS)
def test_what_fleettui_reads_is_run_word_for_word(shell: str, programs: Path) -> None:
    for command in EVERY:
        ended = ask(shell, programs, shell_text(command), LC_ALL="de_DE.UTF-8")
        assert ended.returncode == 0, ended.stderr
        name, fence, locale, *words = os.fsdecode(ended.stdout).split("\0")[:-1]
        assert [Path(name).name, *words] == list(command.argv)
        assert (fence, locale) == (fence_name(), "de_DE.UTF-8")


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_else_is_run(shell: str, programs: Path) -> None:
    for text in REFUSED:
        ended = ask(shell, programs, text)
        assert (ended.returncode, ended.stdout) == (126, b""), text
        assert b"fleettui: this key may not run that" in ended.stderr


def test_the_fence_has_another_name_when_something_else_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = fence_name()
    assert before in forced_command()
    assert shlex.quote(IMAGES_SCRIPT) in forced_command()
    form = ReadTemplate.IMAGES.value
    monkeypatch.setattr(ReadTemplate.IMAGES, "_value_", type(form)((*form.head, "more")))
    assert fence_name() != before


def test_shellcheck_has_nothing_to_say(programs: Path) -> None:
    checker = shutil.which("shellcheck")
    if checker is None:
        pytest.skip("shellcheck is not installed")
    argv = [checker, "-s", "sh", str(programs / "observer-key")]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout
