"""Texts that the operator has kept: scripts and reports, for nobody else's eyes."""

import os
from pathlib import Path

from fleettui.repair.records.past import read_past
from fleettui.repair.records.report import as_json, as_markdown, report_of


def keep_report(record: Path) -> Path:
    """Write a repair's report beside its record, as Markdown and JSON; the former's path.

    Raises OSError.
    """
    report = report_of(read_past(record))
    folder = record.parent / "reports"
    keep_text(folder / f"{record.stem}.json", as_json(report))
    return keep_text(folder / f"{record.stem}.md", as_markdown(report))


def keep_text(path: Path, text: str, *, runs: bool = False) -> Path:
    """Write `text` to a file of mode 0600 (0700 where it is to be run), its folder 0700.

    Takes the place of what was there, at once and whole. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o700 if runs else 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    part.rename(path)
    return path
