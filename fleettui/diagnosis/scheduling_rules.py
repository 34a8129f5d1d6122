"""What `[X-Fleet]` asks of the scheduler, as each release of fleet reads it.

Read in fleet's sources of v0.8.0, v0.8.3, v0.9.2, v0.10.2, v0.11.0, v0.11.8, v0.12.0, v0.13.0 and
v1.0.0: job/job.go, unit/unit.go, agent/state.go, agent/reconcile.go, engine/state.go and
engine/scheduler.go. Four sets of rules cover them all.
"""

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from fleettui.diagnosis.scheduling_glob import matches
from fleettui.model.cluster import Machine, Snapshot, Unit
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.model.version import Version, parse_version

MAX_VALUES = 200
"""Values of one option that are looked at; no unit file in earnest has as many."""
MAX_PATTERN = 4096
"""Characters of a pattern, or of a value with specifiers filled in; a name has 255 at most."""
MAX_LINE = 2048
"""Bytes of a line from which on fleet 0.12 and later may refuse the whole unit file."""

_UNSTAMPED: Version = (0, 0, 0)
"""What a fleetd that was built without a version publishes."""
_TRUE = frozenset({"true", "yes", "1", "on", "t"})
_LINE_END = re.compile("[\r\n]")
# Go's unicode.IsSpace; str.split() would also part words at 1C to 1F.
_WORD = re.compile("[^\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


class Rules(msgspec.Struct, frozen=True):
    """What sets one range of releases apart from the others."""

    since: Version
    words: str
    """The releases, for an operator."""
    long_lines_refused: bool = False
    """Also keeps the line ends of continued lines: both came with a newer go-systemd."""
    takes_yes_for_global: bool = False
    """`Global=` takes yes, on, 1 and t besides true."""
    replaces_excludes: bool = False
    """A match of `Replaces=` keeps a unit off a machine; from 1.0 on it makes room there."""
    parts_conflicts: bool = False
    """One line of `Conflicts=` may name several units, parted by spaces."""
    globals_give_way: bool = False
    """A global unit does not count, nor run, where it conflicts with what is there."""


RULES = (
    Rules((0, 8, 0), "0.8 to 0.11"),
    Rules((0, 12, 0), "0.12", long_lines_refused=True),
    Rules(
        (0, 13, 0),
        "0.13",
        long_lines_refused=True,
        takes_yes_for_global=True,
        replaces_excludes=True,
    ),
    Rules(
        (1, 0, 0),
        "1.0",
        long_lines_refused=True,
        takes_yes_for_global=True,
        parts_conflicts=True,
        globals_give_way=True,
    ),
)


def rules_of(machine: Machine) -> tuple[Rules, ...]:
    """The rules a machine's fleetd goes by: one set, or all where its version is not known."""
    version = parse_version(machine.version.raw)
    if version is None or version == _UNSTAMPED:
        return RULES
    return (next((r for r in reversed(RULES) if r.since <= version), RULES[0]),)


def rules_in_force(snapshot: Snapshot) -> tuple[Rules, ...]:
    """The engine leader's rules; without a leader those of every machine that may become one."""
    leader = snapshot.leader and snapshot.machines.get(snapshot.leader.machine_id)
    machines = (leader,) if leader else snapshot.machines.values()
    found = {rules for machine in machines for rules in rules_of(machine)}
    return tuple(rules for rules in RULES if rules in found) or RULES


class Option(Enum):
    """The options a machine is chosen by, each with its old names first, as fleet reads them."""

    MACHINE_ID = ("MachineID", "X-ConditionMachineID", "X-ConditionMachineBootID")
    METADATA = ("X-ConditionMachineMetadata", "MachineMetadata")
    MACHINE_OF = ("X-ConditionMachineOf", "MachineOf")
    CONFLICTS = ("X-Conflicts", "Conflicts")
    REPLACES = ("Replaces",)


class Wish(msgspec.Struct, frozen=True):
    """One value of an option, specifiers filled in."""

    option: str
    value: str

    def text(self) -> Untrusted:
        """As it stands in a unit file, but for the specifiers."""
        return Untrusted(f"{self.option}={self.value}")


class Wishes(msgspec.Struct, frozen=True):
    """All that one unit asks of a machine."""

    unit: Untrusted
    is_global: bool
    machine_id: Wish | None
    metadata: tuple[tuple[str, tuple[Wish, ...]], ...]
    """Key by key; one of the values of each must be there."""
    peers: tuple[Wish, ...]
    conflicts: tuple[Wish, ...]
    replaces: tuple[Wish, ...]
    left_out: bool = False
    """An option has values beyond MAX_VALUES or MAX_PATTERN, which were not looked at."""

    def conflict_with(self, name: Untrusted) -> Wish | None:
        """The first of `Conflicts=` that names a unit."""
        return _first(self.conflicts, name)

    def replacement_of(self, name: Untrusted) -> Wish | None:
        """The first of `Replaces=` that names a unit."""
        return _first(self.replaces, name)

    def unmet_metadata(self, machine: Machine) -> Iterator[tuple[str, tuple[Wish, ...]]]:
        """The keys that a machine has not, or has with a value that is not asked for."""
        has = {key.raw: value.raw for key, value in machine.metadata}
        for key, wishes in self.metadata:
            if has.get(key) not in {metadata_value(w) for w in wishes}:
                yield key, wishes


def metadata_value(wish: Wish) -> str:
    """What `MachineMetadata=key=value` wants of the key."""
    return wish.value.partition("=")[2]


def wishes_of(unit: Unit, rules: Rules) -> Wishes | None:
    """What a unit asks, or None where its unit file is missing or cannot be read by fleet."""
    if unit.file is None or unit.file.problem is not None:
        return None
    return _read(unit.name, unit.file, rules)


def has_long_line(file: UnitFile) -> bool:
    """Whether a line is so long that fleet 0.12 and later may refuse the file."""
    lines = _LINE_END.split(file.raw.raw)
    return any(len(line.encode("utf-8", "replace")) >= MAX_LINE for line in lines)


@lru_cache(maxsize=8192)
def _read(name: Untrusted, file: UnitFile, rules: Rules) -> Wishes:
    if rules.long_lines_refused and _is_continued(file.raw.raw):
        file = replace(file, keeps_line_ends=True)
    asked = _asked(name.raw, file)
    conflicts = tuple(_of(asked, Option.CONFLICTS))
    if rules.parts_conflicts:
        words = ((w.option, word) for w in conflicts for word in _WORD.findall(w.value))
        conflicts = tuple(Wish(*each) for each in words)
    replaces = tuple(_of(asked, Option.REPLACES))
    return Wishes(
        unit=name,
        is_global=_is_global(asked, rules),
        machine_id=next(_of(asked, Option.MACHINE_ID), None),
        metadata=tuple(_metadata(_of(asked, Option.METADATA)).items()),
        peers=tuple(dict.fromkeys(_of(asked, Option.MACHINE_OF))),
        conflicts=_bounded(conflicts),
        replaces=_bounded(replaces),
        left_out=any(len(v) > MAX_VALUES for v in (conflicts, *asked.values()))
        or any(len(w.value) > MAX_PATTERN for w in (*conflicts, *replaces)),
    )


def _bounded(patterns: tuple[Wish, ...]) -> tuple[Wish, ...]:
    kept = (wish for wish in patterns[:MAX_VALUES] if len(wish.value) <= MAX_PATTERN)
    return tuple(dict.fromkeys(kept))


def _asked(name: str, file: UnitFile) -> dict[str, tuple[Wish, ...]]:
    """Each option of `[X-Fleet]` that counts, with its values in the order of the file."""
    asked = {}
    for option in ("Global", *(n for each in Option for n in each.value)):
        values = file.fleet_values(option)[: MAX_VALUES + 1]
        if values:
            asked[option] = tuple(Wish(option, fill_in(v, name)) for v in values)
    return asked


def _of(asked: dict[str, tuple[Wish, ...]], option: Option) -> Iterator[Wish]:
    for name in option.value:
        yield from asked.get(name, ())


def _metadata(wishes: Iterator[Wish]) -> dict[str, tuple[Wish, ...]]:
    """By key. What is no `key=value` with exactly one `=` is passed over, as fleet does."""
    found: dict[str, tuple[Wish, ...]] = {}
    for wish in dict.fromkeys(wishes):
        key, *values = wish.value.split("=")
        if key and len(values) == 1 and values[0]:
            found[key] = (*found.get(key, ()), wish)
    return found


def _is_global(asked: dict[str, tuple[Wish, ...]], rules: Rules) -> bool:
    values = asked.get("Global", ())
    if not values:
        return False
    word = values[-1].value.lower()
    return word in _TRUE if rules.takes_yes_for_global else word == "true"


def fill_in(value: str, name: str) -> str:
    """fleet's specifiers %n, %N, %p and %i, in its order; a name without a dot has none of them.

    Up to 0.11 fleet fills in what it has filled in before, again and again; that is left aside,
    since a name would have to hold a percent sign, or a value two in a row, to show it.
    """
    stem, dot, _ = name.rpartition(".")
    if not dot:
        return value
    prefix, _, instance = stem.partition("@")
    for specifier, text in (("%n", name), ("%N", stem), ("%p", prefix), ("%i", instance)):
        if len(value) + value.count(specifier) * len(text) <= MAX_PATTERN:
            value = value.replace(specifier, text)
    return value


def _is_continued(text: str) -> bool:
    return "\\\n" in text or text.endswith(("\\", "\\\r"))


def _first(wishes: tuple[Wish, ...], name: Untrusted) -> Wish | None:
    return next((w for w in wishes if matches(w.value, name.raw)), None)
