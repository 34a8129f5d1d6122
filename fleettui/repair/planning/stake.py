"""The blast radius of a restart: the units of a machine, and what it would mean for each."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fleettui.diagnosis.template_loaded import machine_evidence
from fleettui.model.cluster import Machine, Snapshot, Unit, UnitState
from fleettui.model.host import FLEET_UNITS, HostFacts, ImageFacts
from fleettui.model.names import is_template, template_of
from fleettui.model.specifiers import expanded
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.look import Look
from fleettui.repair.planning.order import order_of_return

_STOPS = frozenset({"active", "activating", "deactivating", "reloading"})
_IMAGE = re.compile(r"(?=.{1,255}$)[A-Za-z0-9]([A-Za-z0-9._/:@,=+-]*[A-Za-z0-9])?")
_NOT_ASKED = ImageFacts(None, Untrusted("the machine was not asked"))
_NOT_NAMED = ImageFacts(None, Untrusted("its name is known only when the unit starts"))


@dataclass(frozen=True, slots=True)
class Twin:
    """Another unit, or another copy of a global one, that does the same elsewhere."""

    name: Untrusted
    place: str
    """`8charID.../PublicIP`, safe to show."""


@dataclass(frozen=True, slots=True)
class PulledImage:
    """An image that a unit pulls before it starts."""

    name: Untrusted
    facts: ImageFacts


@dataclass(frozen=True, slots=True)
class UnitAtStake:
    """A unit of the machine, and what a full restart would mean for it."""

    name: Untrusted
    state: str
    """systemd's active and sub state, safe to show."""
    stops: bool = True
    """Whether it runs now, so that a full restart interrupts it."""
    pulls: tuple[str, ...] = ()
    """Commands that pull an image before it starts, safe to show."""
    images: tuple[PulledImage, ...] = ()
    """The images that these commands name."""
    twin: Twin | None = None
    """Running on another machine whose agent is healthy; None where none was seen."""
    order: int = 1
    """Expected order of return: 1 comes back first; units of one number come together."""


def units_at_stake(machine: Machine, facts: HostFacts, look: Look) -> tuple[UnitAtStake, ...]:
    """The fleet units that a machine holds, by name, with what their unit files tell."""
    names, snapshot = units_on(facts), look.snapshot
    pulled = {name: tuple(_images(name, snapshot, look.images)) for name in names}
    slow = {
        name for name in names if any(image.facts.present is not True for image in pulled[name])
    }
    order = order_of_return({name: snapshot.units.get(name) for name in names}, slow)
    healthy = frozenset(_healthy(machine, look))
    return tuple(
        UnitAtStake(
            name,
            _state(name, facts),
            _stops(name, facts),
            tuple(str(Untrusted(pull)) for pull in _pulls(name, snapshot)),
            pulled[name],
            _twin(name, healthy, look),
            order[name],
        )
        for name in names
    )


def images_to_ask(snapshot: Snapshot, facts: HostFacts) -> tuple[Untrusted, ...]:
    """The images that a machine's units pull, as far as their names are known before a start."""
    images = (
        image.name
        for name in units_on(facts)
        for image in _images(name, snapshot, {})
        if image.facts is not _NOT_NAMED
    )
    return tuple(dict.fromkeys(images))


def told(unit: UnitAtStake) -> str:
    """A unit and what a full restart means for it, in a line that is safe to show."""
    return f"{unit.order}. {unit.name} ({unit.state}){''.join(_means(unit))}"


def _means(unit: UnitAtStake) -> Iterator[str]:
    if unit.pulls:
        yield f"; pulls an image before it starts: {'; '.join(unit.pulls)}"
    if unit.images:
        yield f" ({', '.join(f'{image.name} {where(image.facts)}' for image in unit.images)})"
    if not unit.stops:
        yield "; it does not run now"
    elif unit.twin is None:
        yield "; nothing like it was seen running elsewhere"
    else:
        yield f"; meanwhile {unit.twin.name} runs on {unit.twin.place}"


def where(image: ImageFacts) -> str:
    """Whether an image is on the machine, in words that are safe to show."""
    if image.present is None:
        return f"may be missing: {image.why}" if image.why.raw else "may be missing"
    return "is on the machine already" if image.present else "is not on the machine: a real pull"


def units_on(facts: HostFacts) -> tuple[Untrusted, ...]:
    """Units whose files fleet's folder on a machine holds, templates apart, sorted."""
    folder = facts.folders.get(FLEET_UNITS)
    return tuple(
        sorted(name for name in (folder.entries if folder else ()) if not is_template(name.raw))
    )


def _state(name: Untrusted, facts: HostFacts) -> str:
    service = facts.services.get(name)
    return f"{service.active} {service.sub}" if service else "state not known"


def _stops(name: Untrusted, facts: HostFacts) -> bool:
    service = facts.services.get(name)
    return service is None or service.active.raw in _STOPS


def _pulls(name: Untrusted, snapshot: Snapshot) -> tuple[str, ...]:
    unit = snapshot.units.get(name)
    return unit.file.image_pulls if unit and unit.file else ()


def _images(
    name: Untrusted, snapshot: Snapshot, known: Mapping[Untrusted, ImageFacts]
) -> Iterator[PulledImage]:
    unit = snapshot.units.get(name)
    for written in unit.file.pulled_images if unit and unit.file else ():
        image = expanded(written, name.raw)
        if image is None or not _IMAGE.fullmatch(image):
            yield PulledImage(Untrusted(written), _NOT_NAMED)
        else:
            yield PulledImage(Untrusted(image), known.get(Untrusted(image), _NOT_ASKED))


# --- what runs elsewhere ------------------------------------------------------------------------


def _healthy(machine: Machine, look: Look) -> Iterator[Untrusted]:
    """Other machines that answered, and whose agents no template broke."""
    for other in look.snapshot.machines:
        report = look.reports.get(other)
        is_whole = isinstance(report, HostFacts) and not any(machine_evidence(report))
        if other != machine.id and is_whole:
            yield other


def _twin(name: Untrusted, healthy: frozenset[Untrusted], look: Look) -> Twin | None:
    unit = look.snapshot.units.get(name)
    if unit is None:
        return None
    for other in _alike(unit, look.snapshot.units.values()):
        for state in other.states:
            if state.machine_id in healthy and _runs(other, state, look):
                return Twin(other.name, look.snapshot.machine_name(state.machine_id))
    return None


def _alike(unit: Unit, units: Iterable[Unit]) -> Iterator[Unit]:
    """The unit itself if it is global, then instances of its template, then copies of its file."""
    if unit.is_global:
        yield unit
    others = [other for other in units if other.name != unit.name and not other.is_template]
    template = template_of(unit.name.raw)
    yield from (other for other in others if template and template_of(other.name.raw) == template)
    yield from (other for other in others if unit.unit_hash and other.unit_hash == unit.unit_hash)


def _runs(unit: Unit, state: UnitState, look: Look) -> bool:
    """Whether registry and systemd agree that a unit is active on the machine of a state."""
    if state.active.raw != "active" or not (unit.is_global or unit.target == state.machine_id):
        return False
    report = look.reports.get(state.machine_id)
    service = report.services.get(unit.name) if isinstance(report, HostFacts) else None
    return service is not None and service.active.raw == "active"
