"""Every command that README shows is run by a test: here, or where this says."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import take_screenshots
from terminal import run_in_terminal

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
FLEETTUI = (sys.executable, "-m", "fleettui")
NOWHERE = "http://127.0.0.1:1"
"""Stands for the endpoint of README, which is nobody's."""
HERE = Path(__file__).name
RUN_BY = {
    "pip install -q -e '.[demo]' && fleettui demo":
        ("test_first_minutes.py", "test_from_readmes_command_to_the_report_without_a_wrong_key"),
    "fleettui --endpoint http://10.0.0.1:2379":
        ("test_command_line.py",
         "test_the_console_quits_at_once_and_leaves_the_terminal_as_it_was"),
    "fleettui doctor":
        ("test_command_line.py", "test_a_doctor_tells_of_settings_that_are_of_no_use"),
    "fleettui --endpoint http://10.0.0.1:2379 --record night.rec":
        (HERE, "test_a_session_is_recorded_and_replayed"),
    "fleettui replay night.rec": (HERE, "test_a_session_is_recorded_and_replayed"),
    "fleettui --endpoint http://10.0.0.1:2379 check --json":
        (HERE, "test_a_check_for_scripts_prints_the_object_that_is_described"),
    "fleettui repair --dry-run":
        ("test_repair_command.py", "test_a_dry_run_prints_the_whole_plan_and_only_reads"),
    "fleettui repair --script":
        ("test_repair_command.py", "test_the_script_is_printed_alone_and_is_shell"),
    "fleettui repairs": ("test_repair_command.py", "test_repairs_are_listed_with_their_outcome"),
    "fleettui repairs show TOKEN":
        ("test_repair_command.py", "test_a_report_is_shown_as_markdown_and_as_json"),
    "python tests/ui/take_screenshots.py": (HERE, "test_pictures_are_drawn_by_the_command"),
}  # fmt: skip # one a line reads worse
RUN_BY_CI = "pip install -q -e '.[demo,dev]' && pytest"
"""`.ci/run` takes this line from README and runs it as it stands."""


def shown() -> set[str]:
    """The commands in README's blocks of shell, without comments and the environment's folder."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = (re.sub(r"\s+#.*", "", line) for block in blocks for line in block.splitlines())
    made = "python3 -m venv .venv && "
    return {line.replace(made, "").replace(".venv/bin/", "").strip() for line in lines if line}


def test_every_command_is_run_by_a_test() -> None:
    assert shown() == RUN_BY.keys() | {RUN_BY_CI}
    for file, name in RUN_BY.values():
        assert re.search(rf"def {name}\(", (Path(__file__).parent / file).read_text()), name
    assert "/pytest/ { print; exit }' README.md" in (ROOT / ".ci" / "run").read_text()


def test_the_pictures_and_files_that_it_names_are_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    files = re.findall(r"`(tests/[\w/]+\.py)`", README)
    assert len(pictures) >= 5
    assert [name for name in pictures + files if not (ROOT / name).is_file()] == []


def test_a_check_for_scripts_prints_the_object_that_is_described() -> None:
    argv = (*FLEETTUI, "--endpoint", NOWHERE, "check", "--json")
    said = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=100)
    assert said.returncode == 3
    told = json.loads(said.stdout)
    assert told["schema"] == "fleettui.check/1"
    rows = re.findall(
        r"^\| (`.*?) \| .* \|$", README.partition("fleettui.check/1")[2], re.MULTILINE
    )
    described = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert described >= told.keys() - {"schema"}


def test_a_session_is_recorded_and_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CONFIG", "STATE", "CACHE")}
    for words in (("--endpoint", NOWHERE, "--record", "night.rec"), ("replay", "night.rec")):
        with run_in_terminal([*FLEETTUI, *words], env=env) as terminal:
            terminal.until(b"NOT CONNECTED", 60)
            terminal.press(b"q")
            while terminal.process.poll() is None:
                terminal.read(0.1)
            assert terminal.process.returncode == 0
        assert (tmp_path / "night.rec").stat().st_size > 0


def test_pictures_are_drawn_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = take_screenshots.FOLDER
    monkeypatch.setattr(take_screenshots, "FOLDER", tmp_path)
    asyncio.run(take_screenshots.main("secret"))
    drawn = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert drawn == {path.name: path.read_text() for path in kept.glob("secret-*")}
    assert len(drawn) == 6
