"""What a step shows before it is confirmed: why, what runs word for word, what it does to whom."""

from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content

from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Action, Stage, Step, Way, literal, summary
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.plan_text import proof
from fleettui.repair.planning.stake import PulledImage, UnitAtStake, told, where
from fleettui.ui.paint import Piece, Tone, paint
from fleettui.ui.wizard.confirm import Typing


def step_lines(step: Step, plan: Plan, prefix: str, sudo: str = "") -> Iterator[Content]:
    """Why, what it changes, what it leaves alone, and what will run, word for word.

    `sudo` is that of `fleettui.access.ClusterAddress`.
    """
    yield paint(("Why", Tone.ACCENT), f"   {step.why}")
    drawn = {told(unit) for unit in plan.at_stake} if step.stage is Stage.RESTART else set()
    yield from _block("It changes", (line for line in step.changes if line not in drawn))
    if step.stage is Stage.RESTART and plan.way is Way.FULL:
        yield from stake_lines(plan.at_stake)
    yield from _block("It leaves alone", step.keeps)
    if step.stage is Stage.RESTART and plan.way is Way.GENTLE:
        yield paint("  ", (", ".join(str(unit.name) for unit in plan.at_stake), Tone.DIM))
    yield paint("")
    if not step.actions:
        yield paint(("Nothing is left to do here", Tone.GOOD), ": it was done before.")
        return
    yield paint(("Done when read back", Tone.ACCENT), f"   {step.reads_back}")
    if step.undo or step.undo_note:
        yield from undo_note_lines(step)
    yield paint("")
    yield _word_for_word(sudo)
    yield from action_lines(step.actions, plan.token, prefix)


def undo_note_lines(step: Step) -> Iterator[Content]:
    """Whether the step can be taken back, and what that means."""
    note = step.undo_note or "; ".join(summary(action) for action in step.undo)
    yield paint(("Undo", Tone.ACCENT), f"   {note}")


def undo_lines(
    step: Step, actions: Sequence[Action], plan: Plan, prefix: str, sudo: str = ""
) -> Iterator[Content]:
    """What taking a step back does, word for word."""
    yield paint(("Take back", Tone.ACCENT), f"   {step.stage}: {step.undo_note}")
    yield paint(("The fault comes back with it.", Tone.WARN))
    yield paint("")
    yield _word_for_word(sudo)
    yield from action_lines(actions, plan.token, prefix)


def _word_for_word(sudo: str) -> Content:
    return paint(("What will run, word for word", Tone.ACCENT), f"   {sudo}" if sudo else "")


def action_lines(actions: Iterable[Action], token: str, prefix: str) -> Iterator[Content]:
    """Actions in their order, each with its literal commands."""
    for number, action in enumerate(actions, 1):
        yield paint(f"  {number}. ", (summary(action), Tone.STRONG))
        for line in literal(action, token, prefix):
            for physical in line.split("\n"):
                yield paint("     ", (Untrusted(physical), Tone.DIM))


def stake_lines(stake: Sequence[UnitAtStake]) -> Iterator[Content]:
    """The units of the machine in the order in which they are expected back."""
    if stake:
        yield paint("")
        yield paint(("Units, in the expected order of their return", Tone.ACCENT))
    for unit in sorted(stake, key=lambda one: (one.order, one.name)):
        yield paint(
            (f"  {unit.order:>2} ", Tone.DIM), (unit.name, Tone.STRONG),
            (f"  {unit.state}  ", Tone.DIM), _twin(unit),
        )  # fmt: skip # one a line reads worse
        for pull in unit.pulls:
            yield paint(("       pulls an image before it starts: ", Tone.WARN), pull)
        yield from (paint("       ", *_image(image)) for image in unit.images)


def _twin(unit: UnitAtStake) -> Piece:
    if not unit.stops:
        return ("does not run now", Tone.DIM)
    if unit.twin is None:
        return ("NO healthy twin elsewhere", Tone.WARN)
    return (f"meanwhile {unit.twin.name} runs on {unit.twin.place}", Tone.GOOD)


def _image(image: PulledImage) -> tuple[Piece, Piece]:
    tone = {True: Tone.GOOD, False: Tone.BAD, None: Tone.WARN}[image.facts.present]
    return (f"{image.name} ", (where(image.facts), tone))


def verify_lines(plan: Plan) -> Iterator[Content]:
    """What counts as proof."""
    why = "a repair is done when fresh reads no longer show the fault."
    yield paint(("Why", Tone.ACCENT), f"   {why}")
    yield from _block("It reads, once a second", proof(plan))


def asked(typing: Typing) -> Content:
    """What is to be typed, and what it confirms."""
    if typing.choices:
        return paint("Type the ", ("number", Tone.STRONG), f" of the name {typing.purpose}: ")
    return paint("Type ", (Untrusted(typing.words), Tone.STRONG), f" {typing.purpose}: ")


def choice_lines(typing: Typing) -> Iterator[Content]:
    """The names to choose from, numbered."""
    for number, name in enumerate(typing.choices, 1):
        yield paint((f"  {number:>3} ", Tone.STRONG), name)


def _block(title: str, lines: Iterable[str]) -> Iterator[Content]:
    yield paint("")
    yield paint((title, Tone.ACCENT))
    yield from (paint(f"  {line}") for line in lines)
