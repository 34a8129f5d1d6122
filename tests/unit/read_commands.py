"""Reads as fleettui makes them, and arguments that no read takes."""

from datetime import UTC, datetime

from fleettui import commands
from fleettui.commands import journal
from fleettui.commands.templates import ReadTemplate
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, Span

CURSOR = "s=0639;i=1f;b=9c;m=1;t=6;x=a"
EVERY = [
    commands.probe(),
    commands.probe(["a.service", "b\\x2dc@1.timer"], "-5min"),
    commands.probe([], "2026-01-31 10:00:00"),
    commands.copy_file(FLEET_UNITS, "foo@.service"),
    commands.copy_file(SYSTEMD_UNITS, "foo@.service"),
    commands.list_images(),
    commands.who_am_i(),
    commands.unit_changes(datetime(2026, 11, 22, tzinfo=UTC)),
    journal.follow_journal(),
    journal.follow_journal("a\\x2db.mount", Span(None, "yesterday", "now", -1)),
    journal.follow_journal(from_cursor=CURSOR),
    journal.recall_journal("a.service", Span(7), from_cursor=CURSOR),
]
"""Each template at least once."""

NO_ARGUMENTS = [
    (ReadTemplate.PROBE, ("--since=$(reboot)",)),
    (ReadTemplate.PROBE, ("a.service", "--since=-5min")),
    (ReadTemplate.PROBE, ("--since=",)),
    (ReadTemplate.PROBE, ("a;reboot.service",)),
    (ReadTemplate.PROBE, ("-H", "a.service")),
    (ReadTemplate.COPY, (FLEET_UNITS,)),
    (ReadTemplate.COPY, ("/etc", "a.service")),
    (ReadTemplate.COPY, (FLEET_UNITS, "../a.service")),
    (ReadTemplate.COPY, (FLEET_UNITS, "a.service", "b.service")),
    (ReadTemplate.IMAGES, ("x",)),
    (ReadTemplate.UNIT_CHANGES, ()),
    (ReadTemplate.UNIT_CHANGES, ("--since=@1", "--file=/etc/shadow")),
    (ReadTemplate.JOURNAL, ("a.service", "-o", "json")),
    (ReadTemplate.JOURNAL, ("a.service", "-o", "json", "--no-pager", "--vacuum-size=1")),
    (ReadTemplate.JOURNAL, ("a.service", "-o", "json", "--no-pager", "--cursor=a'b")),
    (ReadTemplate.JOURNAL, ("a.service", "-o", "json", "--no-pager", "--lines=7\n")),
    (ReadTemplate.JOURNAL, ("a.service", "-o", "json", "--no-pager", "--since=" + "1" * 65)),
]
