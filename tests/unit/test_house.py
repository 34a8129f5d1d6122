"""The house is kept: small rooms, a word about each, and nothing in two places."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2] / "fleettui"
TREES = {path: ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}
FILES = [*TREES, *sorted(Path(__file__).parents[1].rglob("*.py"))]
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
LONGEST_FUNCTION, LONGEST_MODULE = 40, 400
ALIKE = 6
"""So many lines in a row, the same to the letter, stand in one place only."""
LET_PASS = re.compile(r"# (?:type: ignore|noqa|pragma|fmt: skip)\b")
SLEEP = re.compile(r"\btime\.sleep\(")
REASON = re.compile(
    r"# (?:type: ignore\[[\w, -]+\]|noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|fmt: skip) +(?:- |# )\w"
)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_no_function_and_no_module_is_long() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and _rows(node) > LONGEST_FUNCTION
    ]
    long += [str(path) for path in TREES if len(lines_of(path)) > LONGEST_MODULE]
    assert long == []


def test_each_module_and_what_it_offers_has_a_word_about_it() -> None:
    silent = [str(path) for path, tree in TREES.items() if not ast.get_docstring(tree)]
    silent += [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in TREES.items()
        for node in tree.body
        if isinstance(node, FUNCTIONS | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    silent += [f"{path}:{number.lineno}" for path, tree in TREES.items() for number in _bare(tree)]
    assert silent == []


def test_no_run_of_lines_stands_twice() -> None:
    places = defaultdict(list)
    for path, tree in TREES.items():
        told = list(_told(path, tree))
        for at in range(len(told) - ALIKE + 1):
            run = told[at : at + ALIKE]
            places["\n".join(text for _, text in run)].append(f"{path}:{run[0][0]}")
    assert {text: found for text, found in places.items() if len(found) > 1} == {}


def test_what_is_let_pass_says_why() -> None:
    """An exception to a check has its reason beside it."""
    bare = [
        f"{path}:{number}"
        for path in FILES
        for number, line in enumerate(lines_of(path), 1)
        if LET_PASS.search(line) and not REASON.search(line)
    ]
    assert bare == []


def test_whoever_sleeps_says_why() -> None:
    """Waiting for what happens is better where something tells of it."""
    bare = [
        f"{path}:{number}"
        for path in FILES
        for number, (above, line) in enumerate(pairwise(["", *lines_of(path)]), 1)
        if SLEEP.search(line) and "  # " not in line and not above.lstrip().startswith("# ")
    ]
    assert bare == []


def _rows(node: ast.AST) -> int:
    assert isinstance(node, ast.stmt)
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _told(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The lines that say something: no imports, and no heads of functions, which a protocol asks
    of each that fulfils it."""
    skipped = set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            skipped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, FUNCTIONS):
            skipped.update(range(node.lineno, node.body[0].lineno))
    for number, line in enumerate(lines_of(path), 1):
        if line.strip() and number not in skipped:
            yield number, line.strip()


def _bare(tree: ast.Module) -> Iterator[ast.Assign]:
    """Public numbers and times of a module that nothing says the meaning of."""
    for statement, after in pairwise([*tree.body, ast.Pass()]):
        match statement, after:
            case _, ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.Assign(targets=[ast.Name(id=name)], value=value), _:
                if not name.startswith("_") and _is_number(value):
                    yield statement


def _is_number(value: ast.expr) -> bool:
    match value:
        case ast.Constant(value=bool()):
            return False
        case ast.Constant(value=int() | float()) | ast.Call(func=ast.Name(id="timedelta")):
            return True
        case ast.BinOp(left=left, right=right):
            return _is_number(left) and _is_number(right)
    return False
