"""What was found on the way as text for a reader and as JSON for a program; pure.

The JSON's shape is versioned by `schema`: within one version fields are only added.
"""

import json
from collections.abc import Iterator
from itertools import groupby
from textwrap import fill

from fleettui.doctor.examine import Verdict
from fleettui.model.hop import Looked, Standing

SCHEMA = "fleettui.doctor/1"
_MARK = {
    Standing.FINE: "fine",
    Standing.WRONG: "WRONG",
    Standing.DOUBTFUL: "doubt",
    Standing.NOT_CHECKED: "-",
}
_INDENT = " " * 7


def as_text(verdict: Verdict, columns: int | None = None) -> str:
    """Place by place in the order of the way: what is fine in a line, the rest in one each.

    Lines are broken between words to fit into so many columns; None leaves them whole.
    """
    lines = [line for _, of_one in _places(verdict) for line in _place_lines(of_one)]
    if columns is not None:
        lines = [_broken(line, columns) for line in lines]
    return "\n".join([*lines, _summary(verdict)]) + "\n"


def _broken(line: str, columns: int) -> str:
    width = max(columns, 2 * len(_INDENT))
    return fill(
        line, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )


def _places(verdict: Verdict) -> Iterator[tuple[str, list[Looked]]]:
    """Looks that follow each other at one place; those of the session stand alone."""
    return ((where, list(of_one)) for where, of_one in groupby(verdict.looked, key=_place))


def _place(looked: Looked) -> str:
    """What stands together: a place, or what of the session was not checked for one reason."""
    is_unchecked = looked.standing is Standing.NOT_CHECKED
    return looked.where.raw or f" {looked.said if is_unchecked else looked.hop}"


def _place_lines(looked: list[Looked]) -> Iterator[str]:
    where = f"{looked[0].where}: " if looked[0].where.raw else ""
    passed = [one for one in looked if one.standing is Standing.FINE]
    if passed and not (where and len(looked) > 1):
        yield f"{_mark(passed[0])}{where}{passed[0].hop}: {passed[0].said}"
    elif passed:
        yield f"{_mark(passed[0])}{where}{', '.join(one.hop for one in passed)}"
    for one in looked:
        if one.standing in {Standing.WRONG, Standing.DOUBTFUL}:
            yield f"{_mark(one)}{where}{one.hop}: {one.said}"
    yield from _unchecked(where, looked)


def _unchecked(where: str, looked: list[Looked]) -> Iterator[str]:
    """One line a reason."""
    rest = [one for one in looked if one.standing is Standing.NOT_CHECKED]
    for said, of_one in groupby(rest, key=lambda one: one.said):
        hops = ", ".join(one.hop for one in of_one)
        yield f"{_MARK[Standing.NOT_CHECKED]:<7}{where}not checked: {hops} ({said})"


def _mark(looked: Looked) -> str:
    return f"{_MARK[looked.standing]:<7}"


def _summary(verdict: Verdict) -> str:
    count, doubts = len(verdict.wrong), len(verdict.doubtful)
    things = "nothing is" if not count else "1 thing is" if count == 1 else f"{count} things are"
    more = f", {doubts} doubtful" if doubts else ""
    return f"{things} wrong{more}, at {verdict.at:%Y-%m-%d %H:%M:%S} UTC"


def as_json(verdict: Verdict) -> str:
    """One object; remote text stands in it byte-exact, escaped to ASCII; ends in a newline."""
    cluster = verdict.cluster
    document = {
        "schema": SCHEMA,
        "at": verdict.at.isoformat(),
        "status": "wrong" if verdict.wrong else "fine",
        "cluster": cluster and {"endpoints": list(cluster.endpoints), "prefix": cluster.prefix},
        "wrong": len(verdict.wrong),
        "doubtful": len(verdict.doubtful),
        "hops": [_hop(one) for one in verdict.looked],
    }
    return json.dumps(document, ensure_ascii=True, indent=2) + "\n"


def _hop(looked: Looked) -> dict[str, str | None]:
    return {
        "hop": looked.hop.name.lower(),
        "where": looked.where.raw or None,
        "standing": looked.standing.value,
        "said": looked.said.raw,
    }
