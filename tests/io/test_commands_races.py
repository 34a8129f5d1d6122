"""A unit file that changes while it is being removed: 500 races, and nothing is lost in any."""

import itertools
import os
import shutil
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from unit_folders import TEXT, UnitFolders

STAGED = 500
FREE = 100
PROGRAMS = ("stat", "sha256sum", "readlink", "mkdir", "mv", "ln", "rm")
"""What the script calls one after the other: between any two of them somebody may come along."""
POINTS = range(1, 11)
OTHER, THIRD = b"other", b"third"

CHANGES = {
    "changed": 'printf other > "$file"',
    "grown": 'printf other >> "$file"',
    "swapped": 'printf other > "$file.tmp"; /bin/mv -T "$file.tmp" "$file"',
    "swapped for a link": 'printf other > "$file.aim"; /bin/ln -sfn "$file.aim" "$file"',
    "swapped for a folder": '/bin/rm -f "$file"; /bin/mkdir "$file"; printf other > "$file/in"',
    "emptied": ': > "$file"',
    "removed": '/bin/rm -f "$file"',
    "renamed": '/bin/mv -T "$file" "$file.old"',
    "written again": 'printf %s "$text" > "$file.tmp"; /bin/mv -T "$file.tmp" "$file"',
    "linked": '/bin/ln "$file" "$file.twin"',
}
LEAVES_NOTHING = {"removed", "renamed"}
LEAVES_OTHER = {*CHANGES} - LEAVES_NOTHING - {"emptied", "written again", "linked"}
THEN = """
/bin/cat "$file" "$file/in" >> "$bin/gone"
/bin/rm -rf "$file"; printf third > "$file.tmp"; /bin/mv -T "$file.tmp" "$file"
"""
"""Somebody else comes along, and notes what is there before it is replaced."""
STUB = """
n=0; read -r n < "$bin/count"; n=$((n + 1)); echo "$n" > "$bin/count"
if [ -e "$bin/at$n" ]; then . "$bin/at$n" >/dev/null; fi
} 2>/dev/null
exec """


@dataclass(frozen=True)
class Race:
    """Before which of the script's calls the file changes, and then once more."""

    change: str
    first: int
    second: int | None = None


def races(change: str) -> list[Race]:
    """Every moment for one, and the earlier pairs of moments for two."""
    alone = [Race(change, point) for point in POINTS]
    pairs = itertools.combinations(POINTS, 2)
    both = [Race(change, first, second) for first, second in pairs]
    return [*alone, *both][: STAGED // len(CHANGES)]


def stage(units: UnitFolders, race: Race, file: Path) -> None:
    """Have the programs of the script let somebody come along in time."""
    units.is_meddled_with = True
    names = f'{{ bin="{units.bin}" file="{file}" text="{TEXT.decode()}"'
    for program in PROGRAMS:
        units.stub(program, f'{names}{STUB}{shutil.which(program)} "$@"')
    (units.bin / f"at{race.first}").write_text(f"{CHANGES[race.change]}\n")
    if race.second is not None:
        (units.bin / f"at{race.second}").write_text(THEN)


def there(units: UnitFolders) -> list[bytes]:
    """Everything that can still be read, at its place and in quarantine."""
    kept = units.quarantine.iterdir() if units.quarantine.exists() else ()
    places = [units.file, *kept]
    files = [p / "in" if p.is_dir() and not p.is_symlink() else p for p in places]
    return [file.read_bytes() for file in files if file.is_file()]


def check(units: UnitFolders, race: Race, answer: str) -> str:
    """Nothing that somebody put there is lost, and what is said is so; the answer in a word."""
    found, gone = b"|".join(there(units)), units.bin / "gone"
    noted = gone.read_bytes() if gone.exists() else b""
    calls = int((units.bin / "count").read_text())
    if race.change in LEAVES_OTHER and calls >= race.first:
        assert OTHER in found + noted, (race, answer)
    if race.second is not None and calls >= race.second:
        assert THIRD in found, (race, answer)
    word, *rest = answer.splitlines()
    if word == "removed":
        assert Path(rest[0]).read_bytes() == TEXT, race
    elif race.change not in LEAVES_NOTHING:
        assert os.path.lexists(units.file) or "kept as" in answer, (race, answer)
    return "put back" if "was put back" in answer else "kept" if "kept as" in answer else word


@pytest.mark.parametrize("change", CHANGES)
def test_whenever_a_file_changes_nothing_but_what_was_looked_at_is_removed(
    change: str, tmp_path: Path
) -> None:
    answers = Counter[str]()
    for number, race in enumerate(races(change)):
        root = tmp_path.resolve() / str(number)
        root.mkdir()
        units = UnitFolders(root, "sh")
        stage(units, race, units.file)
        answers[check(units, race, units.remove_file())] += 1
    assert answers["removed"], f"nobody came too late: {answers}"
    assert answers.total() > answers["removed"], f"nobody came in time: {answers}"
    if change in LEAVES_OTHER - {"changed", "grown"}:
        assert answers["put back"], f"nobody came between look and rename: {answers}"


def test_the_races_are_500() -> None:
    assert sum(len(races(change)) for change in CHANGES) == STAGED


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("change", ["swapped", "swapped for a link", "removed"])
def test_whenever_a_link_changes_nothing_but_what_was_looked_at_is_removed(
    change: str, point: int, tmp_path: Path
) -> None:
    units = UnitFolders(tmp_path.resolve(), "sh")
    stage(units, Race(change, point), units.link)
    word = units.remove_link().split("\n")[0]
    came = int((units.bin / "count").read_text()) >= point
    if not came or word == "removed":
        assert units.kept("link").readlink() == units.file
    elif change == "swapped":
        assert units.link.read_bytes() == OTHER
    elif change == "swapped for a link":
        assert units.link.readlink() == Path(f"{units.link}.aim")
    assert units.file.read_bytes() == TEXT


class Meddler(threading.Thread):
    """Replaces a file again and again, every other time by the one that was looked at."""

    def __init__(self, units: UnitFolders) -> None:
        super().__init__()
        self.last = b""
        self.over = threading.Event()
        self._file, self._new = units.file, units.bin / "new"

    def run(self) -> None:
        for number in itertools.count():
            if self.over.is_set():
                return
            self.last = b"%s%d" % (OTHER, number) if number % 2 else TEXT
            self._new.write_bytes(self.last)
            self._new.replace(self._file)


def test_a_file_that_never_holds_still_is_never_lost(tmp_path: Path) -> None:
    units = UnitFolders(tmp_path.resolve(), "sh")
    units.is_meddled_with = True
    answers = Counter[str]()
    for _ in range(FREE):
        meddler = Meddler(units)
        meddler.start()
        word, *rest = units.remove_file().splitlines()
        meddler.over.set()
        meddler.join()
        if word == "removed":
            assert Path(rest[0]).read_bytes() == TEXT
        assert meddler.last in there(units)
        answers[word] += 1
        shutil.rmtree(units.quarantine, ignore_errors=True)
    assert answers["refused"], answers
