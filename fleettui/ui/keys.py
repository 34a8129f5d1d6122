"""Keys by the name of what they do: for the config file, the help, and why a key does nothing."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec
from textual.app import App
from textual.binding import ActiveBinding, Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from fleettui.model.untrusted import visible

NAMES = (
    "abandon", "again", "again-back", "answer_no", "as_root", "ask-filter", "ask-highlight",
    "ask-search", "ask-since", "boot", "boot-back", "bottom", "choose", "command_palette",
    "context", "context-back", "copy", "details", "dim", "dismiss", "down", "end", "end-back",
    "entry", "error", "error-back", "faults", "first", "focus_next", "focus_previous", "fold",
    "follow", "give_up", "journal", "keys", "last", "leave", "light", "locate", "machines", "merge",
    "move", "move-back", "mute", "noise", "open", "overview", "page", "page-back", "pager", "pause",
    "plan", "pop_screen", "refresh", "refuse", "repair", "repairs", "resume", "save", "script",
    "scroll", "scroll-back", "scroll-page", "scroll-page-back", "select", "select-back", "shift",
    "shift-back", "since-0", "since-1", "since-2", "since-3", "since-4", "since-5", "since-6",
    "solo", "speed", "speed-back", "step", "submit", "take", "times", "top", "undo", "unfold",
    "unit", "unit_journal", "unmute", "unzoom", "up", "warning", "warning-back", "wrap", "zone",
    "zoom",
)  # fmt: skip # one a line reads worse
"""All that a key may be chosen for; tests/ui/test_keys.py compares it with the bindings."""

_KEY = re.compile(r"(?:(?:ctrl|alt|shift)\+)*(?:\S|[a-z_0-9]+)")
_END = {"-1": "back", "True": "back", "-10": "page-back", "10": "page", "False": "", "None": ""}
_NAME = re.compile(r"(?:\w+\.)*(\w+)(?:\((.*)\))?")


def named(bindings: Iterable[BindingType]) -> list[BindingType]:
    """Bindings with an ID each, by which the config file may give them other keys."""
    return [_named(b) if isinstance(b, Binding) else b for b in bindings]


def _named(binding: Binding) -> Binding:
    return replace(binding, id=action_name(binding.action))


def action_name(action: str) -> str:
    """`move(-1)` is `move-back`, `app.focus_next` is `focus_next`, `ask('since')` `ask-since`."""
    found = _NAME.fullmatch(action)
    if found is None:
        return action
    name, given = found[1], found[2] or ""
    words = [word.strip(" '\"") for word in given.split(",")]
    ends = (_END.get(word, word) for word in words if name == "since" or word != "1")
    return "-".join((name, *filter(None, ends)))


def names_in(classes: Iterable[type[DOMNode]]) -> set[str]:
    """The names of all that keys do in these classes and in those made from them."""
    names: set[str] = set()
    for kind in classes:
        own = (b.id for b in kind.__dict__.get("BINDINGS", ()) if isinstance(b, Binding))
        names |= {name for name in own if name}
        names |= names_in(kind.__subclasses__())
    return names


def wrong_key(keys: Mapping[str, str]) -> str:
    """What is wrong with the `[keys]` of the config file; empty where nothing is."""
    for name, chosen in keys.items():
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(NAMES)}"
            return f"[keys] {visible(name)}: there is no such action; {hint}"
        if not all(_KEY.fullmatch(key.strip()) for key in chosen.split(",")):
            return (
                f"[keys] {name}: expected keys such as 'ctrl+e' or 'f6,x', not {visible(chosen)!r}"
            )
    return ""


class Explains:
    """A part of the screen that tells why one of its actions cannot be done right now."""

    def why_not(self, action: str) -> str:
        """A sentence for the operator; empty where nothing speaks against it."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """None greys the key out; pressing it tells why."""
        return None if self.why_not(action) else True


def reason(active: ActiveBinding) -> str:
    """Why a key does nothing; empty where it does something, or nobody knows."""
    node = active.node
    if active.enabled or not isinstance(node, Explains):
        return ""
    return node.why_not(action_name(active.binding.action).partition("-")[0])


class Entry(msgspec.Struct, frozen=True):
    """One line of the help."""

    place: str
    """Where the key works."""
    keys: tuple[str, ...]
    words: str
    why_not: str

    def has(self, words: Sequence[str]) -> bool:
        """Whether each of the words is in it, whatever the case."""
        text = " ".join((self.place, *self.keys, self.words, self.why_not)).lower()
        return all(word.lower() in text for word in words)


def entries(app: App[None], bindings: Iterable[ActiveBinding]) -> list[Entry]:
    """All keys that work, those of the focused pane first; keys of one meaning share a line."""
    found: dict[tuple[str, str], Entry] = {}
    for active in bindings:
        binding = active.binding
        words = active.tooltip or binding.tooltip or binding.description
        if not words:
            continue
        place, key = _place(active.node), app.get_key_display(binding)
        known = found.get((place, words))
        keys = tuple(dict.fromkeys((*known.keys, key))) if known else (key,)
        found[place, words] = Entry(place, keys, words, reason(active))
    return sorted(found.values(), key=lambda entry: _ORDER.get(entry.place, 0))


_ORDER = {"This screen": 1, "Everywhere": 2}


def _place(node: DOMNode) -> str:
    if isinstance(node, App):
        return "Everywhere"
    return "This screen" if isinstance(node, Screen) else (node.id or "pane").capitalize()


def of_places(found: Iterable[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """Entries by where they work, in their order."""
    places: dict[str, list[Entry]] = {}
    for entry in found:
        places.setdefault(entry.place, []).append(entry)
    yield from places.items()
