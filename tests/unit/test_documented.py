"""Every public method of the package has a word about it, as test_house.py asks of all else.

Nothing is asked of a method that others describe: one that overrides a method of its base, or
makes the class fulfil a protocol of ours that says what it does; and one that Textual calls by its
name, where a binding says what the key does. An `__init__` is told by its class.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import FunctionType, ModuleType

import pytest

import fleettui
from fleettui.ui.keys import NAMES

CALLED_BY_TEXTUAL = ("on_", "watch_", "validate_", "compute_")
ACTIONS = {f"action_{name.partition('-')[0]}" for name in NAMES}
"""What keys do: the bindings and the help say it."""


@pytest.fixture(scope="module")
def classes() -> list[type]:
    found = {
        value
        for module in _modules()
        for value in list(vars(module).values())
        if inspect.isclass(value) and value.__module__.startswith("fleettui")
    }
    return sorted(found, key=lambda kind: (kind.__module__, kind.__qualname__))


def test_public_methods_say_what_they_do_or_their_base_or_protocol_does(
    classes: list[type],
) -> None:
    protocols = [kind for kind in classes if getattr(kind, "_is_protocol", False)]
    silent = [
        f"{kind.__module__}.{kind.__qualname__}.{name}"
        for kind in classes
        if not kind.__name__.startswith("_")
        for name, method in _methods(kind)
        if not method.__doc__
        if not (name.startswith(CALLED_BY_TEXTUAL) or name in {"compose", *ACTIONS})
        if not _is_told_by_a_base(kind, name)
        if not any(_is_told_by(protocol, kind, name) for protocol in protocols)
    ]
    assert silent == []


def test_a_method_counts_as_told_only_by_a_base_or_a_whole_protocol() -> None:
    class Told:
        def known(self) -> None:
            """What it does."""

    class Below(Told):
        def known(self) -> None: ...

        def other(self) -> None: ...

    assert _is_told_by_a_base(Below, "known")
    assert not _is_told_by_a_base(Below, "other")
    assert [name for name, method in _methods(Below) if not method.__doc__] == ["known", "other"]


def _modules() -> Iterator[ModuleType]:
    for module in pkgutil.walk_packages(fleettui.__path__, "fleettui."):
        if not module.name.endswith("__main__"):  # importing it would run it
            yield importlib.import_module(module.name)


def _methods(kind: type) -> Iterator[tuple[str, FunctionType]]:
    """What a class defines itself, in this package, under names without an underscore."""
    for name, value in list(vars(kind).items()):
        of = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        method = inspect.unwrap(of) if callable(of) else None
        is_own = getattr(method, "__module__", "") == kind.__module__ and not name.startswith("_")
        if is_own and isinstance(method, FunctionType) and method.__name__ != "<lambda>":
            yield name, method


def _is_told_by_a_base(kind: type, name: str) -> bool:
    """Also by a base of another library, which has its own manual."""
    bases = [base for base in kind.__mro__[1:] if name in vars(base)]
    return any(
        getattr(vars(base)[name], "__doc__", None) or not base.__module__.startswith("fleettui")
        for base in bases
    )


def _is_told_by(protocol: type, kind: type, name: str) -> bool:
    """Whether a class has all that a protocol asks for, which says what `name` does."""
    asked = {
        member: value
        for base in protocol.__mro__
        if getattr(base, "_is_protocol", False)
        for member, value in vars(base).items()
        if not member.startswith("_")
    }
    told = name in asked and bool(getattr(asked[name], "__doc__", None))
    return kind is not protocol and told and all(hasattr(kind, member) for member in asked)
