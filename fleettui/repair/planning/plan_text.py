"""A whole plan as text: every step with its reasons, commands, effects and proof; pure."""

import shlex
from collections.abc import Iterable, Iterator

from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import (
    Action,
    Restart,
    Step,
    Way,
    host_commands,
    literal,
    summary,
)
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.stake import told

RESTART_PROOF = (
    "12 s of the fleet journal without a line of the fault",
    "the machine's states in the registry, written anew, equal to systemd's",
    "nothing of the template in either unit folder",
    "a fresh diagnosis without the finding",
)
PROOF = ("what was changed, read again from the cluster", "a fresh diagnosis without the finding")


def as_text(plan: Plan, prefix: str, sudo: str = "") -> str:
    """All that would be done and why, in lines that are safe to show; `prefix` is fleet's, and
    `sudo` what is sent for `sudo -n`, if something else is.
    """
    return "\n".join([*_head(plan), *_steps(plan, prefix, sudo), *_verify(plan)]) + "\n"


def proof(plan: Plan) -> tuple[str, ...]:
    """What must be read at the end before the repair counts as done."""
    return PROOF if plan.way is None else RESTART_PROOF


def _head(plan: Plan) -> Iterator[str]:
    yield f"Plan against {plan.fault}: {', '.join(str(unit) for unit in plan.units)}"
    if plan.machine is None:
        yield "  in the registry alone; no machine is touched"
    else:
        machine = plan.machine
        yield (
            f"  on {Untrusted(plan.host)}, {machine.public_ip}, fleetd {machine.version or '?'}, "
            f"machine {machine.id}"
        )
    if plan.words:
        others = ", ".join(word for word in plan.words if word is not plan.word)
        yield f"  target state to be set: {plan.word}; instead could be chosen: {others or 'none'}"
    yield f"  called {plan.token} in the record and in quarantine"


def _steps(plan: Plan, prefix: str, sudo: str) -> Iterator[str]:
    will_run = "What will run, word for word" + (f"; {sudo}" if sudo else "")
    commands = _Commands(plan.token, prefix)
    for number, step in enumerate(plan.steps, 1):
        yield ""
        yield f"{number}. {step.stage.upper()}"
        yield f"   Why: {step.why}"
        yield from _block("It needs", step.needs)
        yield from commands.block(will_run, step.actions)
        yield from _block("It changes", step.changes)
        yield from _block("It leaves alone", step.keeps)
        yield from _block("Read back before anything else", (step.reads_back,))
        yield from _block("Undo", (step.undo_note,))
        yield from commands.block("which runs", step.undo)
        yield from _other_way(step, plan)


def _other_way(step: Step, plan: Plan) -> Iterator[str]:
    """What the full restart would cost, where it is the second choice."""
    is_gentle = any(isinstance(a, Restart) and a.way is Way.GENTLE for a in step.actions)
    if is_gentle and Way.FULL in plan.ways:
        lines = tuple(told(unit) for unit in plan.at_stake) or ("no unit at all",)
        yield from _block("At stake if the full restart is chosen instead", lines)


def _verify(plan: Plan) -> Iterator[str]:
    yield ""
    yield f"{len(plan.steps) + 1}. VERIFY"
    yield "   Why: a repair is done when fresh reads no longer show the fault. It only reads."
    yield from _block("It reads", proof(plan))


def _block(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"   {title}:"
    yield from (f"     - {line}" for line in lines)


class _Commands:
    """Commands word for word; a script that comes again is named instead of shown twice."""

    def __init__(self, token: str, prefix: str) -> None:
        self._token = token
        self._prefix = prefix
        self._shown: dict[str, str] = {}

    def block(self, title: str, actions: tuple[Action, ...]) -> Iterator[str]:
        if not actions:
            return
        yield f"   {title}:"
        for number, action in enumerate(actions, 1):
            yield f"     {number}) {summary(action)}"
            for command in self._literal(action):
                yield from (f"          {line}" for line in command.split("\n"))

    def _literal(self, action: Action) -> Iterator[str]:
        scripts = [
            word
            for command in host_commands(action, self._token)
            for word in command.argv
            if "\n" in word
        ]
        for text in literal(action, self._token, self._prefix):
            yield self._shortened(text, scripts)

    def _shortened(self, text: str, scripts: Iterable[str]) -> str:
        for script in scripts:
            name = self._shown.get(script)
            if name is not None:
                text = text.replace(shlex.quote(script), f"<the script {name} above>")
                continue
            self._shown[script] = name = chr(ord("A") + len(self._shown))
            text = f"(script {name})\n{text}"
        return text
