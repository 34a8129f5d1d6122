"""Every decoder of the product, as something that takes bytes and may refuse only in words."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property

import msgspec

from fleettui.access import HostUnreachable, RegistryUnavailable
from fleettui.cli.config_file import BadConfig
from fleettui.hosts.copies import read_copy
from fleettui.hosts.rights import read_rights
from fleettui.journal.pattern import PatternWrong
from fleettui.model.untrusted import Untrusted
from fleettui.registry.answers import UNDECODABLE

from . import feeds, inputs

CORPUS = inputs.DATA / "fuzz"
_MOST = 400
"""Parts of one result that are looked at."""


@dataclass(frozen=True)
class Decoder:
    """One decoder, or several that read the same bytes."""

    name: str
    feed: Callable[[bytes], object]
    """Decodes, and asks everything of what came out that the product asks."""
    good: tuple[bytes, ...]
    """Inputs that it takes."""
    bad: tuple[bytes, ...] = ()
    """Inputs that it refuses, or tells as broken: others are made out of them too."""
    refuses: tuple[type[Exception], ...] = ()
    """The errors that say in words what is wrong; any other one is a bug."""
    covers: tuple[str, ...] = ()
    """Functions of the product that are tried with it."""

    @cached_property
    def seeds(self) -> tuple[bytes, ...]:
        """Good inputs, and those that were worth keeping."""
        return (*self.good, *self.bad, *corpus(self.name))

    def try_out(self, data: bytes) -> object:
        """What comes of an input: a result whose texts were looked at, or a refusal in words."""
        try:
            result = self.feed(data)
        except self.refuses as refusal_:
            assert_readable(str(refusal_))
            return refusal_
        for text in _texts(result, [_MOST]):
            assert_readable(text)
        return result


def assert_readable(text: str) -> None:
    """That nothing in a text means anything to a terminal; lines may end."""
    assert text.replace("\n", "").isprintable(), ascii(text[:200])


def corpus(name: str) -> tuple[bytes, ...]:
    """The inputs that were kept for a decoder: one a line, as JSON strings of latin-1."""
    path = CORPUS / f"{name}.txt"
    lines = path.read_text("ascii").splitlines() if path.exists() else []
    return tuple(json.loads(line).encode("latin-1") for line in lines)


def _texts(value: object, left: list[int]) -> Iterator[str]:
    """Every remote text of a result in its visible form, and every error's words."""
    left[0] -= 1
    if left[0] < 0:
        return
    match value:
        case Untrusted() | Exception():
            yield str(value)
        case Mapping():
            for key, inner in value.items():
                yield from _texts(key, left)
                yield from _texts(inner, left)
        case tuple() | list():
            for inner in value:
                yield from _texts(inner, left)
        case msgspec.Struct():
            yield from _texts(msgspec.structs.asdict(value), left)
        case _ if is_dataclass(value):
            for field in fields(value):
                yield from _texts(getattr(value, field.name), left)


_DECODERS = (
    Decoder(
        "journal", feeds.journal, (*inputs.RECORDS, *inputs.SHAPES, b"\n".join(inputs.RECORDS[:5]))
    ),
    Decoder("entry", feeds.entry, (*inputs.RECORDS, *inputs.SHAPES), covers=("decode_entry",)),
    Decoder(
        "fields", feeds.all_fields, (*inputs.RECORDS[:3], *inputs.SHAPES), covers=("fields_of",)
    ),
    Decoder(
        "probe", feeds.probe, (inputs.PROBE,), refuses=(HostUnreachable,), covers=("read_probe",)
    ),
    Decoder("systemctl-show", feeds.services, (inputs.SERVICES,), covers=("read_services",)),
    Decoder(
        "unit-changes",
        feeds.changes,
        (inputs.CHANGE,),
        refuses=(HostUnreachable,),
        covers=("read_changes",),
    ),
    Decoder(
        "images",
        feeds.images,
        (inputs.IMAGES,),
        refuses=(HostUnreachable,),
        covers=("read_images",),
    ),
    Decoder(
        "copy",
        read_copy,
        (b"644 0 0 33188 3\nabc", b"Welcome\n0755 1 2 3 0\n"),
        refuses=(HostUnreachable,),
        covers=("read_copy",),
    ),
    Decoder(
        "rights",
        read_rights,
        (
            b"Welcome\nfleettui-rights-1\0core\0core sudo\0\0end\0",
            b"fleettui-rights-1\0watcher\0watcher\0v1-0a1b\0end\0",
        ),
        (b"fleettui-rights-1\0core\0core", b"bash: not found"),
        refuses=(HostUnreachable,),
        covers=("read_rights",),
    ),
    Decoder("known-hosts", feeds.known_hosts, (inputs.KNOWN_HOSTS,), covers=("parse_known_hosts",)),
    Decoder(
        "address",
        feeds.address,
        (b"10.0.0.1", b"fe80::1%eth0", b"core-01.example.org"),
        refuses=(HostUnreachable,),
        covers=("parse_address",),
    ),
    Decoder(
        "etcd-answer",
        feeds.etcd,
        (inputs.EVENTS.split(b"\n")[0],),
        (b'\x09{"errorCode":300,"message":"Raft","cause":"x","index":1}', b"\x03moved", b"\x05no"),
        refuses=(RegistryUnavailable,),
        covers=("event_of", "index_of", "problem_of"),
    ),
    Decoder(
        "etcd-events", feeds.events, (inputs.EVENTS,), refuses=UNDECODABLE, covers=("events_of",)
    ),
    Decoder(
        "registry",
        feeds.registry,
        (inputs.REGISTRY,),
        refuses=(RegistryUnavailable,),
        covers=("decode", "tree_of"),
    ),
    Decoder(
        "registry-values",
        feeds.values,
        inputs.VALUES,
        covers=("decode_machine", "decode_unit", "decode_file", "decode_leader"),
    ),
    Decoder("lock", feeds.lock, (inputs.LOCK,), covers=("holder_of", "mark_of")),
    Decoder("unit-file", feeds.unit_file, (inputs.UNIT,)),
    Decoder(
        "record",
        feeds.record,
        inputs.REPAIRS,
        covers=(
            *("read_past", "from_json", "action_from_json", "before_from_json"),
            *("finding_from_json", "report_of"),
        ),
    ),
    Decoder(
        "config", feeds.config, (inputs.CONFIG,), refuses=(BadConfig,), covers=("read_config",)
    ),
    Decoder(
        "places",
        feeds.places,
        (b"10.0.0.1:22", b"[::1]:22", b"core@host.example:2222", b"0a1b2c3d"),
        covers=("parse_place", "parse_tunnel", "parse_rule"),
    ),
    Decoder(
        "names",
        feeds.names,
        (b"zookeeper@1.service", b"/_coreos.com/fleet/", b"fleetd version 0.11.8-g1", b"a-b.mount"),
        covers=("parse_version", "template_of"),
    ),
    Decoder("globs", feeds.globs, (b"zookeeper@*.service\nzookeeper@1.service", b"[^a-z]?\\*\nq*")),
    Decoder(
        "search",
        feeds.search,
        (b"failed.*state", b"(a|b)+", b"[0-9]{1,3}", b"(a+)+$"),
        refuses=(PatternWrong,),
    ),
)
DECODERS: Mapping[str, Decoder] = {decoder.name: decoder for decoder in _DECODERS}
"""By name."""
