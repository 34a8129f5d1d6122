"""Remote text has one way to the screen, and no widget reads markup: checked in the code itself."""

import ast
from pathlib import Path

import pytest

UI = Path(__file__).parents[2] / "fleettui" / "ui"
MODULES = sorted(UI.rglob("*.py"))
TAKES_MARKUP = {"Static", "Label", "notify", "StatusLines"}
"""What Textual would read markup from, unless it is told not to."""
TITLES = {"border_title", "border_subtitle", "sub_title", "tooltip", "placeholder"}
"""Attributes that Textual reads markup from, or shows as they are."""
# Where the exact text is compared, written to a record, or asked of a machine: never shown.
RAW_ALLOWED = {"console/rows.py", "widgets/journal/choosing.py", "wizard/confirm.py"}


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def name_of(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(UI)))
def test_markup_is_off_wherever_text_is_taken(path: Path) -> None:
    for call in calls(ast.parse(path.read_text())):
        if name_of(call) in TAKES_MARKUP - {"StatusLines"}:
            off = any(k.arg == "markup" and ast.unparse(k.value) == "False" for k in call.keywords)
            assert off, f"{path}:{call.lineno}: {ast.unparse(call)} reads markup"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(UI)))
def test_no_title_is_set_from_data(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            assert node.attr not in TITLES, f"{path}:{node.lineno} sets {node.attr}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(UI)))
def test_the_exact_text_is_used_only_where_nothing_is_shown(path: Path) -> None:
    if str(path.relative_to(UI)) in RAW_ALLOWED:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert node.attr != "raw" or ast.unparse(node).endswith(".raw.raw"), (
                f"{path}:{node.lineno} takes the exact text of something remote"
            )


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(UI)))
def test_no_module_asks_for_markup(path: Path) -> None:
    for call in calls(ast.parse(path.read_text())):
        assert name_of(call) != "from_markup", f"{path}:{call.lineno}"
