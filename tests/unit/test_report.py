"""The report of a repair: complete, readable without the program, and deaf to hostile text."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from cluster_model import TEMPLATE, World
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import structs
from plan_cases import all_plans, finding
from repair_cases import STAGES, finished, opened, performed

from fleettui.access import CommandResult, Ending
from fleettui.model.untrusted import Untrusted, visible
from fleettui.repair.planning.action import Stage, Way
from fleettui.repair.planning.plan_json import as_json as plan_as_json
from fleettui.repair.records.finding_json import finding_as_json
from fleettui.repair.records.markdown import block, cell, code, prose
from fleettui.repair.records.past import Closed, PastState, read_past
from fleettui.repair.records.record import VERSION
from fleettui.repair.records.report import SCHEMA, Report, as_json, as_markdown, report_of

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
"""The Markdown of GitHub and of most other places, but for their links by themselves."""


async def repaired(folder: Path, way: Way = Way.FULL) -> Report:
    repair = await opened(World(), folder)
    repair.choose(way)
    await performed(repair, *STAGES)
    await finished(repair)
    await repair.close(Closed.REPAIRED)
    return report_of(read_past(repair.record.path))


async def test_a_report_holds_all_that_another_engineer_needs(tmp_path: Path) -> None:
    report = await repaired(tmp_path)
    text = as_markdown(report)
    for words in (
        "# Repaired: template-loaded on core-01",
        "| Cluster | `http://127.0.0.1:2379` |",
        "ID `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`",
        f"| Unit | `{TEMPLATE}` |",
        "| By | `ann@desk` |",
        "## What was found",
        f"`job/{TEMPLATE}/target`",
        "## Before the first change",
        "- met: root may be had through sudo",
        "### Delete",
        "The registry goes first: while it still targets this machine",
        "Confirmed by `ann@desk` at",
        "sudo -n systemctl daemon-reload",
        "sudo -n systemctl restart --no-block fleet.service",
        "**done**",
        "## Units and their absence",
        r"- 1\. hello.service (active running); nothing like it was seen running elsewhere",
        "| `hello.service` | 2.0 s |",
        "## Proof",
        "- met: 12 s without a line of the fault",
        "## What is kept",
        "## How it went",
    ):
        assert words in text, words


async def test_every_command_is_in_the_report_word_for_word_with_its_outcome(
    tmp_path: Path,
) -> None:
    report = await repaired(tmp_path)
    acts = [act.title for act in report.acts]
    assert len(acts) == 6
    fences = [t.content for t in MARKDOWN.parse(as_markdown(report)) if t.type == "fence"]
    shown = [command for act in report.acts for command in act.commands]
    assert len(fences) == len(shown)
    for fence, command in zip(fences, shown, strict=True):
        assert fence.rstrip("\n") == command or "<the script of" in fence
    assert all(act.ended_at and act.ended_at >= act.at for act in report.acts)
    assert {act.result for act in report.acts} == {"done"}


async def test_a_script_is_shown_once_and_named_after(tmp_path: Path) -> None:
    text = as_markdown(await repaired(tmp_path))
    assert text.count("LC_ALL=C; export LC_ALL") == 1
    assert "sudo -n sh -c <the script of 3, word for word> fleettui-remove" in text


async def test_the_gentle_way_reports_that_nothing_was_interrupted(tmp_path: Path) -> None:
    text = as_markdown(await repaired(tmp_path, Way.GENTLE))
    assert "Units that ran before: 1. With another main process since: 0." in text
    assert "| unit | away |" not in text


async def test_a_repair_that_failed_says_where_and_in_whose_words(tmp_path: Path) -> None:
    refusal = CommandResult(Ending.EXITED, 1, b"", b"Failed to *reload* <b>daemon</b>\n")
    world = World(sabotage=lambda name: refusal if name == "reload" else None)
    repair = await opened(world, tmp_path)
    await performed(repair, Stage.DELETE, Stage.RELOAD)
    await repair.leave("it failed")
    report = report_of(read_past(repair.record.path))
    assert report.state is PastState.UNFINISHED
    assert report.acts[-1].result == "failed"
    text = as_markdown(report)
    assert "# Unfinished: template-loaded" in text
    assert r"Failed to \*reload\* \<b\>daemon\</b\>" in text
    assert "left: it failed" in text
    assert "## Proof" not in text


async def test_a_repair_that_was_killed_leaves_its_act_in_doubt(tmp_path: Path) -> None:
    report = await repaired(tmp_path)
    lines = (tmp_path / f"{report.token}.jsonl").read_text().splitlines()
    cut = next(n for n, line in enumerate(lines) if '"action": "RemoveFile"' in line) + 1
    (tmp_path / "killed.jsonl").write_text("\n".join(lines[:cut]) + '\n{"at": "20')
    killed = report_of(read_past(tmp_path / "killed.jsonl"))
    assert killed.acts[-1].result == "in doubt"
    assert "no outcome was recorded: **in doubt**" in as_markdown(killed)


def test_a_record_that_cannot_be_read_is_reported_as_such(tmp_path: Path) -> None:
    foreign = tmp_path / "x.jsonl"
    foreign.write_text("no <record>\n")
    report = report_of(read_past(foreign))
    text = as_markdown(report)
    assert text.startswith("# Unreadable: x\n")
    assert "The record cannot be read" in text
    assert json.loads(as_json(report))["problem"]


async def test_the_json_holds_the_same_byte_for_byte(tmp_path: Path) -> None:
    report = await repaired(tmp_path)
    document = json.loads(as_json(report))
    assert document["schema"] == SCHEMA
    assert document["outcome"] == "repaired"
    assert document["machine"]["host"] == "core-01"
    assert [act["result"] for act in document["acts"]] == ["done"] * 6
    assert [tuple(act["commands"]) for act in document["acts"]] == [
        act.commands for act in report.acts
    ]
    assert document["restart"]["away"][0]["seconds"] == 2.0
    assert all(check["met"] for check in document["proof"]["checks"])
    assert document["plan"]["units"] == [TEMPLATE.raw]
    assert document["kept"][0]["mode"] == "644"


@pytest.mark.parametrize("name", [n for n in all_plans() if not n.startswith("template")])
def test_the_report_of_another_cure_has_no_restart(name: str, tmp_path: Path) -> None:
    plan = all_plans()[name]
    at = "2026-01-01T12:00:00+00:00"
    first = {
        "at": at, "event": "begun", "v": VERSION, "token": plan.token, "who": "ann@desk",
        "cluster": ["http://10.0.0.9:2379"], "prefix": "/_coreos.com/fleet/", "fault": plan.fault,
        "finding": finding_as_json(finding(plan.fault)), "plan": plan_as_json(plan),
    }  # fmt: skip # one a line reads worse
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(first) + "\n")
    report = report_of(read_past(path))
    text = as_markdown(report)
    assert "Nothing was changed." in text
    assert "Units and their absence" not in text
    assert json.loads(as_json(report))["restart"] is None
    where = "core-1" if plan.machine else "the registry"
    assert text.startswith(f"# Unfinished: {plan.fault} on {where}\n")


# --- hostile text -------------------------------------------------------------------------------


def inline(text: str) -> list[Token]:
    return [
        child
        for token in MARKDOWN.parse(text)
        for child in (token.children or [token])
        if child.type not in {"paragraph_open", "paragraph_close"}
    ]


texts = st.text() | st.text(st.sampled_from("\\`*_{}[]()<>#+-.!|&~:@$^= \n\t1a/w"))


@settings(deadline=None)
@given(texts)
def test_prose_is_nothing_but_its_own_text(text: str) -> None:
    shown = " ".join(visible(text).split())
    tokens = inline(prose(text))
    assert {token.type for token in tokens} <= {"text", "text_special"}
    assert "".join(token.content for token in tokens) == shown


@settings(deadline=None)
@given(texts)
def test_prose_names_no_address_that_a_reader_would_link(text: str) -> None:
    made = prose(f"{text} http://evil.example www.evil.example a@evil.example")
    assert "http://" not in made
    assert "www." not in made.lower()
    assert all(made[n - 1] == "\\" for n, char in enumerate(made) if char == "@")


@settings(deadline=None)
@given(texts)
def test_code_is_nothing_but_its_own_text(text: str) -> None:
    shown = visible(text).strip()
    if not shown:
        assert code(text) == "(empty)"
        return
    _, token = inline(f"x {code(text)}")
    assert (token.type, token.content) == ("code_inline", shown)


@settings(deadline=None)
@given(texts)
def test_a_cell_never_ends_its_row(text: str) -> None:
    table = f"| | |\n|---|---|\n| {cell(text)} | {prose(text)} |\n\nafter"
    tokens = MARKDOWN.parse(table)
    assert sum(token.type == "td_open" for token in tokens) == 2
    assert tokens[-2].content == "after"


@settings(deadline=None)
@given(texts)
def test_a_block_holds_its_command_whole_and_ends(text: str) -> None:
    document = ["7. x", "", *block(text, "   "), "", "after"]
    tokens = MARKDOWN.parse("\n".join(document))
    (fence,) = (token for token in tokens if token.type == "fence")
    shown = [visible(line) for line in text.split("\n")]
    assert fence.content == "".join(f"{line}\n" for line in shown)
    assert tokens[-2].content == "after"


def test_a_long_command_is_not_cut() -> None:
    assert block("x" * 10_000)[1] == "x" * 10_000


HOSTILE = "x\x1b[31m`|<script>alert(1)</script>**b** [l](http://e) \u202e\n# h @all"


async def test_a_report_of_hostile_facts_marks_nothing_up(tmp_path: Path) -> None:
    report = await repaired(tmp_path)
    assert report.finding is not None
    assert report.plan is not None
    evil = Untrusted(HOSTILE)
    evidence = msgspec.structs.replace(report.finding.evidence[0], where=evil, what=evil)
    report = replace(
        report,
        who=(evil,),
        cluster=(evil,),
        finding=structs.replace(report.finding, summary=HOSTILE, evidence=(evidence,)),
        plan=replace(report.plan, host=HOSTILE, units=(evil,)),
        acts=tuple(replace(act, said=evil, title=HOSTILE) for act in report.acts),
        checks=tuple(replace(check, detail=evil) for check in report.checks),
        proof=tuple(replace(check, name=evil) for check in report.proof),
        proven=evil,
        away=tuple(replace(away, unit=evil, place=evil) for away in report.away),
        moments=tuple(replace(moment, words=evil) for moment in report.moments),
    )
    text = as_markdown(report)
    assert "\x1b" not in text
    assert "\u202e" not in text
    tokens = MARKDOWN.parse(text)
    kinds = {child.type for token in tokens for child in (token.children or [])}
    assert kinds <= {"text", "text_special", "code_inline", "strong_open", "strong_close",
                     "softbreak"}  # fmt: skip # one a line reads worse
    headings = [tokens[n + 1].content for n, t in enumerate(tokens) if t.type == "heading_open"]
    assert not any(heading.strip() == "h @all" for heading in headings)
    assert "html_block" not in {token.type for token in tokens}
    assert json.loads(as_json(report))["who"] == [HOSTILE]
