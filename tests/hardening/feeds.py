"""What the product does with bytes of somebody else, from decoding them to showing them."""

import os
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fleettui.access import RegistryUnavailable
from fleettui.cli.config_file import BadConfig, read_config
from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.lines import kind_of, loops_in
from fleettui.diagnosis.scheduling_glob import matches
from fleettui.diagnosis.signals import signals_in
from fleettui.hosts.address import parse_address
from fleettui.hosts.answers import Answer as HostAnswer
from fleettui.hosts.changes import read_changes
from fleettui.hosts.entries import decode_entry
from fleettui.hosts.images import read_images
from fleettui.hosts.known_hosts import lines_about, parse_known_hosts
from fleettui.hosts.probe import read_probe
from fleettui.hosts.records import LineCutter
from fleettui.hosts.settings import parse_tunnel
from fleettui.hosts.systemctl import read_services, said_besides
from fleettui.journal.columns import Packer
from fleettui.journal.keep import fields_of
from fleettui.journal.pattern import pattern
from fleettui.journal.ring import Ring
from fleettui.journal.times import TimeStyle
from fleettui.journal.view import View
from fleettui.model.names import refusal, template_of
from fleettui.model.place import parse_place, parse_rule
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.model.version import parse_version
from fleettui.registry.answers import Answer, Node, event_of, events_of, index_of
from fleettui.registry.image import Image
from fleettui.registry.keys import DEFAULT_PREFIX, keys_under
from fleettui.registry.lock_value import holder_of, mark_of
from fleettui.repair.records.past import read_past
from fleettui.repair.records.report import as_json, as_markdown
from fleettui.repair.records.reported import report_of
from fleettui.ui.widgets.journal.words import Display, drawn

ID = Untrusted("ab" * 16)
NOW = datetime(2026, 1, 1, tzinfo=UTC)

# --- hosts ---------------------------------------------------------------------------------------


def journal(data: bytes) -> object:
    """A stream of records through the cutter, the diagnosis, the ring and the pane's drawing."""
    cutter, half = LineCutter(limit=50_000), len(data) // 2
    lines = [*cutter.feed(data[:half]), *cutter.feed(data[half:]), cutter.flush()]
    entries = [decode_entry(line) for line in lines if line]
    signals_in(entries)
    loops_in(entries)
    ring = Ring()
    view = View(ring)
    ring.add(ring.open(), Packer().pack(iter(entries)))
    shown = [kind_of(entry) for entry in entries]
    before = None
    for place in view.forward():
        line = view.line(place)
        for style, local in ((TimeStyle.DATE, True), (TimeStyle.DELTA, False)):
            drawn(line, Display(times=style, local=local), before)
        before = line
    return (entries, shown)


def entry(data: bytes) -> object:
    """One record, as fast as a flood brings them."""
    return decode_entry(data)


def all_fields(data: bytes) -> object:
    return list(fields_of(data))


def probe(data: bytes) -> object:
    facts = read_probe(data, ID, NOW, ["foo@1.service"])
    diagnose(None, {ID: facts})
    return facts


def services(data: bytes) -> object:
    text = data.decode("utf-8", "backslashreplace")
    return (read_services(text, {"fleet.service", "foo@1.service"}, NOW), said_besides(text))


def changes(data: bytes) -> object:
    return read_changes(HostAnswer(0, data, b""), NOW)


def images(data: bytes) -> object:
    wanted = [Untrusted(w) for w in ("nginx:1.9", "docker://redis", "a@sha256:0", "$X", "")]
    return read_images(data, wanted)


def known_hosts(data: bytes) -> object:
    known = tuple(parse_known_hosts(data, "known_hosts"))
    about = [lines_about(host, port, known) for host, port in (("a.b", 22), ("::1", 2222))]
    blobs = [key.blob for key in known[:5]] + [data[:40]]
    judged = [lines.judge(blob).standing for lines in about for blob in blobs]
    return [*judged, *(lines.judge_authority(blob).standing for lines in about for blob in blobs)]


def address(data: bytes) -> object:
    return parse_address(Untrusted(data.decode("utf-8", "surrogateescape")))


# --- registry ------------------------------------------------------------------------------------


def etcd(data: bytes) -> object:
    """An answer judged: the first byte chooses the status, the rest is the body."""
    statuses = (200, 201, 300, 307, 400, 401, 403, 404, 412, 500, 502, 503)
    headers = {"x-etcd-index": data[:24].decode("latin-1"), "location": data.decode("latin-1")}
    status = 200 if data[:1] in {b"", b"{"} else statuses[data[0] % len(statuses)]
    answer = Answer("http://127.0.0.1:2379", status, headers, data)
    with suppress(RegistryUnavailable):
        index_of(answer)
    return event_of(answer)


def events(data: bytes) -> object:
    image = Image(keys_under(DEFAULT_PREFIX))
    for event in events_of(data):
        image.apply(event)
    return image.snapshot(NOW)


def registry(data: bytes) -> object:
    """A whole registry, and all that is asked of it: unit files, the diagnosis."""
    image = Image(keys_under(DEFAULT_PREFIX))
    image.load(event_of(Answer("etcd", 200, {}, data)).node, 7)
    snapshot = image.snapshot(NOW)
    return (snapshot, diagnose(snapshot, {}))


def values(data: bytes) -> object:
    """One value in place of each that fleet writes; half a surrogate never gets that far."""
    text = data.decode("utf-8", "replace")
    image = Image(keys_under(DEFAULT_PREFIX))
    image.load(_node_with(text), 7)
    snapshot = image.snapshot(NOW)
    return (snapshot, diagnose(snapshot, {}))


def _node_with(text: str) -> Node:
    prefix = "/_coreos.com/fleet"
    keys = (
        *("machines/m1/object", "machines/m1/metadata/k", "job/a.service/object"),
        *("job/a.service/target-state", "job/a.service/target", "job/a.service/job-state"),
        *("states/a.service/m1", f"unit/{'0' * 40}", "lease/engine-leader", "job/b@.service"),
    )
    root: dict[str, Any] = {}
    for key in keys:
        *way, last = key.split("/")
        inner = root
        for name in way:
            inner = inner.setdefault(name, {})
        inner[last] = text
    return _node(prefix, root)


def _node(key: str, entry: object) -> Node:
    if isinstance(entry, dict):
        nodes = tuple(_node(f"{key}/{name}", inner) for name, inner in entry.items())
        return Node(key=key, dir=True, nodes=nodes)
    return Node(key=key, value=str(entry), modified_index=5)


def lock(data: bytes) -> object:
    node = Node(key="/fleettui/lock", value=data.decode("utf-8", "replace"))
    holder = holder_of(node)
    return (holder, mark_of(node), f"{holder.since:%H:%M}")


# --- files, names and patterns -------------------------------------------------------------------


def unit_file(data: bytes) -> object:
    text = Untrusted(data.decode("utf-8", "surrogateescape"))
    found: list[object] = []
    for keeps in (False, True):
        file = UnitFile(text, keeps)
        found.append((file.problem, file.lines, file.is_global, file.image_pulls))
        found.append((file.pulled_images, file.fleet_values("Conflicts")))
    return [str(Untrusted(str(part))) for part in found]


def record(data: bytes) -> object:
    """A repair's record: read, told as a report, in Markdown and in JSON."""
    path = _scratch() / "20260101T000000Z-abcdef.jsonl"
    path.write_bytes(data)
    past = read_past(path)
    report = report_of(past)
    return (as_markdown(report), len(as_json(report)), past.problem)


def _scratch() -> Path:
    """A folder in memory, where there is one; of this process alone."""
    memory = Path("/dev/shm")
    base = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    folder = base / f"fleettui-fuzz-{os.getpid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def config(data: bytes) -> object:
    """A config file, and every value of it, those of unused profiles too."""
    path = _scratch() / "config.toml"
    path.write_bytes(data)
    read = read_config(path)
    found = []
    for section in (read.top, *read.profiles.values()):
        for name in section.raw:
            try:
                found.append(repr(section.value(name)))
            except BadConfig as wrong:
                found.append(str(wrong))
    return [Untrusted(text) for text in found]


def places(data: bytes) -> object:
    """Where something is reached, as an operator writes it."""
    text = data.decode("utf-8", "surrogateescape")
    found: list[object] = []
    for parse in (parse_place, parse_tunnel, partial(parse_rule, "a=b"), partial(parse_rule, text)):
        try:
            place = parse(text)
        except ValueError:
            continue
        found.append(place)
        port = getattr(place, "port", None)
        assert port is None or 0 < port < 65536, port
    return found


def names(data: bytes) -> object:
    name = data.decode("utf-8", "surrogateescape")
    with suppress(ValueError):
        keys_under(name)
    return (refusal(name), template_of(name) is None, parse_version(name))


def globs(data: bytes) -> object:
    text = data.decode("utf-8", "surrogateescape")
    glob, _, name = text.partition("\n")
    return matches(glob, name or "zookeeper@1.service")


_LOOKED_THROUGH = ("a" * 4096 + "!", "ab" * 2048, "0" * 4096, " \u00e4\u2603" * 1300)
"""The longest lines there are, of what an expression is most likely to repeat."""


def search(data: bytes) -> object:
    """A pattern that is typed, and what it finds in lines that were made to hold it up."""
    asked = pattern(data.decode("utf-8", "replace")[:60])
    return [sum(1 for _ in asked.spans(line)) for line in _LOOKED_THROUGH]
