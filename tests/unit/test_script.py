"""The script that repairs by hand: its shape, its quoting, and what it sends, word for word."""

import hashlib
import json
import os
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from diagnosis_cases import HASH, TEMPLATE, A, U, facts, service, snapshot, state, unit
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from plan_cases import (
    FLEET,
    PREFIX,
    TOKEN,
    all_plans,
    finding,
    ghost_plan,
    look,
    orphan_plan,
    reload_plan,
    template_plan,
    word_plan,
)

from fleettui.commands import shell_text
from fleettui.model.names import refusal
from fleettui.model.place import AddressMap, parse_rule
from fleettui.repair.planning.action import (
    Action,
    RestoreFile,
    SetTargetState,
    Stage,
    Way,
    host_commands,
)
from fleettui.repair.planning.plan import Plan, plan_repair
from fleettui.repair.script.script import SshTarget, as_script

ENDPOINT = "http://10.0.0.9:2379/"
SSH = SshTarget("core", "10.0.0.1", 22)
PLANS = all_plans()


def script(plan: Plan, *done: Stage) -> str:
    return as_script(plan, done, ENDPOINT, PREFIX, SSH if plan.machine else None)


def is_shell(text: str, *shell: str) -> bool:
    checked = subprocess.run(
        [*shell, "-n"], input=text.encode(), capture_output=True, timeout=20, check=False
    )
    return checked.returncode == 0 and not checked.stderr


@pytest.mark.parametrize("shell", [("sh",), ("bash", "--posix")])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_script_is_shell_with_any_of_its_steps_left(
    plan: Plan, shell: tuple[str, ...]
) -> None:
    for count in range(len(plan.steps) + 1):
        assert is_shell(script(plan, *plan.stages[:count]), *shell)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_command_of_every_step_is_in_the_script_word_for_word(plan: Plan) -> None:
    text = script(plan)
    actions = [action for step in plan.steps for action in step.actions]
    commands = [shell_text(c) for a in actions for c in host_commands(a, TOKEN)]
    assert all(f"\n{command}\nCOMMAND\n" in text for command in commands)
    for step in plan.steps:
        assert f"# Why: {step.why}" in text
        assert all(" ".join(line.split()) in text for line in step.changes)


def test_steps_that_were_done_are_left_out() -> None:
    plan = template_plan()
    text = script(plan, Stage.DELETE, Stage.RELOAD)
    assert "fleettui-remove" not in text
    assert "daemon-reload" not in text
    assert "--kill-who=main" in text
    assert text.count("# It was done before, and read back.") == 2
    assert "engine-leader" not in text


def test_the_full_restart_is_another_script() -> None:
    text = script(template_plan().with_way(Way.FULL))
    assert "systemctl restart --no-block fleet.service" in text
    assert "--kill-who=main" not in text
    assert "is_true_or_elsewhere" in text


def test_a_script_of_the_registry_alone_knows_no_ssh() -> None:
    for plan in (ghost_plan(), word_plan()):
        text = script(plan)
        assert "ssh " not in text.replace("curl and ssh", "")
        assert "on_machine" not in text


def test_every_function_that_a_script_holds_is_called_in_it() -> None:
    for plan in PLANS.values():
        text = script(plan)
        named = [line.split("(")[0] for line in text.splitlines() if line.endswith("() {")]
        assert all(text.count(name) > 1 for name in named)


# --- what is refused ----------------------------------------------------------------------------


def test_a_unit_that_fleettui_does_not_act_on_gets_no_script() -> None:
    plan = replace(word_plan(), units=(U("a b.service"),))
    with pytest.raises(ValueError, match="no script is made for a b"):
        script(plan)


@pytest.mark.parametrize(
    "ssh",
    [
        None,
        SshTarget("core", "10.0.0.1; rm -rf /"),
        SshTarget("core", "-oProxyCommand=x"),
        SshTarget("core", ""),
        SshTarget("-l", "10.0.0.1"),
        SshTarget("core\n", "10.0.0.1"),
        SshTarget.of(structs.replace(A, public_ip=U("$(reboot)")), "core"),
    ],
)
def test_an_address_that_ssh_could_read_otherwise_gets_no_script(ssh: SshTarget | None) -> None:
    with pytest.raises(ValueError, match="no script is made"):
        as_script(reload_plan(), (), ENDPOINT, PREFIX, ssh)


def test_a_machine_is_reached_where_the_operators_map_has_it() -> None:
    addresses = AddressMap((parse_rule(A.id.raw, "gate:2222"),))
    assert SshTarget.of(A, "core", 22, addresses) == SshTarget("core", "gate", 2222)
    assert SshTarget.of(A, "core", 22) == SshTarget("core", A.public_ip.raw, 22)


@pytest.mark.parametrize("host", ["10.0.0.1", "fe80::1", "core-01.example.com"])
def test_addresses_are_given_to_ssh_after_its_options(host: str) -> None:
    text = as_script(reload_plan(), (), ENDPOINT, PREFIX, SshTarget("core", host))
    assert f'ssh -n -T -o ConnectTimeout=10 -- core@{host} "$(cat)"' in text


@pytest.mark.parametrize("value", ["a\0b", "a\ud800b"])
def test_a_value_that_no_command_line_can_hold_gets_no_script(value: str) -> None:
    plan = word_plan()
    (step,) = plan.steps
    swap = next(a for a in step.actions if isinstance(a, SetTargetState))
    odd = replace(step, actions=(replace(swap, expected=value),))
    with pytest.raises(ValueError, match="no command line can hold"):
        script(replace(plan, steps=(odd,)))


def test_a_step_that_no_plan_has_gets_no_script() -> None:
    plan = reload_plan()
    undo: tuple[Action, ...] = (RestoreFile(TEMPLATE, "ee"),)
    with pytest.raises(ValueError, match="no step of a plan"):
        script(replace(plan, steps=(replace(plan.steps[0], actions=undo),)))


def test_units_at_stake_with_strange_names_are_told_and_not_asked_about() -> None:
    strange = U("evil\n$(reboot).service")
    report = facts(A, FLEET, files=[TEMPLATE, strange])
    plan = plan_repair(
        finding("template-loaded"),
        look(snapshot(machines=(A,)), report, machine=structs.replace(A, version=U("0.11.8"))),
        TOKEN,
    )
    text = script(plan)
    lines = [line for line in text.splitlines() if "reboot" in line]
    assert lines
    assert all(line.startswith("#") for line in lines)
    assert is_shell(text, "sh")


# --- run for real, with other programs behind the names of curl and ssh -------------------------

CURL = r"""#!/bin/sh
for word; do printf '%s\0' "$word"; done >>"$LOG"
printf '\n' >>"$LOG"
case "$*" in
  *fleettui*lock | *job-state | *states/export*) printf '{}\n404' ;;
  *' -D '*) printf 'X-Etcd-Index: 7\r\n' ;;
  *'-X PUT'* | *'-X DELETE'*) : >"$LOG.done"; printf '{}\n200' ;;
  */alive) printf '{"node":{"nodes":[{"value":"x"}]}}\n200' ;;
  *"/unit/"*) printf '{}\n404' ;;
  *"$TOLD"/target) printf '{"node":{"value":"%s"}}\n200' "$TARGET" ;;
  *"$TOLD"/target-state) printf '{"node":{"value":"launched"}}\n200' ;;
  *"$TOLD"*) printf '%s\n200' '{"node":{"value":"{\"activeState\":\"active\",\"subState\":\"running\"}","modifiedIndex":9}}' ;;
  */target) if [ -e "$LOG.done" ]; then printf '{}\n404'; else printf '{}\n200'; fi ;;
  *) if [ ! -e "$LOG.done" ]; then printf '{"node":{"value":"odd","modifiedIndex":4}}\n200'
     elif [ "$AFTER" = gone ]; then printf '{}\n404'
     else printf '{"node":{"value":"%s","modifiedIndex":5}}\n200' "$AFTER"; fi ;;
esac
"""  # noqa: E501 - a line of JSON
SSH_PROGRAM = r"""#!/bin/sh
for word; do printf '%s\0' "$word"; done >>"$LOG"
printf '\n' >>"$LOG"
for last; do :; done
case $last in
  *machine-id) echo 'Welcome!'; echo "$MACHINE" ;;
  *'-p SubState'*) printf 'ActiveState=active\nSubState=running\n' ;;
  *'-p ActiveState'*) echo ActiveState=active ;;
  *fleettui-copy*) printf '644 0 0 1 %s\n%s' "${#FILE}" "$FILE" ;;
  *fleettui-remove*) printf 'removed\n/run/kept\n' ;;
  *NeedDaemonReload*) printf 'LoadState=loaded\nNeedDaemonReload=no\n' ;;
esac
"""


def ran(
    text: str, folder: Path, after: str = "gone", target: str = A.id.raw
) -> tuple[subprocess.CompletedProcess[bytes], list[list[str]]]:
    """The script's end, and the words of each call of curl and ssh."""
    folder.mkdir(exist_ok=True)
    for name, program in (("curl", CURL), ("ssh", SSH_PROGRAM)):
        (folder / name).write_text(program)
        (folder / name).chmod(stat.S_IRWXU)
    log = folder / "log"
    for old in (log, folder / "log.done"):
        old.unlink(missing_ok=True)
    env = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "LOG": str(log),
        "AFTER": after,
        "TOLD": ".service" if after == "told" else "nothing",
        "TARGET": target,
        "FILE": "[Service]",
        "MACHINE": A.id.raw,
    }
    ended = subprocess.run(
        ["sh"],
        input=text.encode(),
        env=env,
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    calls = log.read_bytes().decode().split("\0\n")[:-1]
    return ended, [call.split("\0") for call in calls]


def writes(calls: Sequence[Sequence[str]]) -> list[list[str]]:
    """The requests that change something: method, condition, and the rest, with their key."""
    found = []
    for call in calls:
        if "-X" in call and call[call.index("-X") + 1] in {"PUT", "DELETE"}:
            data = [call[n + 1] for n, word in enumerate(call) if word == "--data-urlencode"]
            found.append([call[call.index("-X") + 1], call[-1], *data])
    return found


def test_the_script_of_a_ghost_deletes_what_was_read_and_nothing_else(tmp_path: Path) -> None:
    text = script(ghost_plan()).replace("sleep 17", "sleep 0")
    ended, calls = ran(text, tmp_path)
    assert ended.returncode == 0, ended.stderr
    key = f"{ENDPOINT}v2/keys{PREFIX}states/reports.service/{A.id}"
    assert writes(calls) == [["DELETE", key, "prevValue={}"]]
    assert b"Repaired, and read back" in ended.stdout


def test_a_ghost_that_is_written_again_is_not_called_repaired(tmp_path: Path) -> None:
    text = script(ghost_plan()).replace("sleep 17", 'echo >>"$LOG"; AFTER=back; export AFTER')
    ended, _ = ran(text, tmp_path)
    assert ended.returncode == 1
    assert b"an agent wrote it again" in ended.stderr
    assert b"Repaired" not in ended.stdout


def test_the_script_of_an_orphan_deletes_each_key_by_its_index(tmp_path: Path) -> None:
    plan = PLANS["orphan-job"]
    ended, calls = ran(script(plan), tmp_path)
    assert ended.returncode == 0, ended.stderr
    # The first deletion makes the other program behind curl say that all of it is gone.
    job = f"{ENDPOINT}v2/keys{PREFIX}job/export.service"
    assert writes(calls) == [["DELETE", f"{job}/target-state", "prevIndex=9"]]
    assert "prevIndex=7" in script(plan)
    assert "--data-urlencode dir=true" in script(plan)


def test_the_commands_reach_ssh_word_for_word(tmp_path: Path) -> None:
    ended, calls = ran(script(reload_plan()), tmp_path, after="told")
    assert ended.returncode == 0, ended.stderr
    sent = [call[-1] for call in calls if "core@10.0.0.1" in call]
    assert [text for text in sent if text.startswith("sudo")] == [
        "sudo -n true",
        "sudo -n systemctl daemon-reload",
        "sudo -n systemctl start --no-block -- search.service",
    ]
    assert all(
        call[:4] == ["-n", "-T", "-o", "ConnectTimeout=10"] for call in calls if call[-1] in sent
    )


def test_a_unit_that_is_wanted_elsewhere_by_now_is_not_started(tmp_path: Path) -> None:
    ended, calls = ran(script(reload_plan()), tmp_path, after="told", target="b" * 32)
    assert ended.returncode == 1
    assert b"the registry wants it on another machine by now" in ended.stderr
    assert not [call for call in calls if " start " in call[-1]]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (f"unit/{HASH}", "submitted again"),
        ("job/export.service/job-state", "a machine runs it"),
        ("states/export.service", "a machine reports it"),
    ],
)
def test_an_orphan_that_lives_again_is_not_deleted(key: str, why: str, tmp_path: Path) -> None:
    """With one of these keys there, whatever curl is asked for it answers that it is."""
    named = {"Name": "export.service", "UnitHash": list(bytes.fromhex(HASH))}
    plan = orphan_plan(json.dumps(named))
    text = script(plan)
    assert f"{PREFIX}{key}" in text
    ended, calls = ran(text.replace(f"{PREFIX}{key}", "/alive"), tmp_path)
    assert ended.returncode == 1
    assert why in ended.stderr.decode()
    assert not writes(calls)


def test_the_gentle_way_looks_at_both_versions_again() -> None:
    text = script(template_plan())
    assert r"\"Version\":\"0.11.8\"" in text
    assert "fleetd --version" in text
    assert "fleetd --version" not in script(template_plan("full"))


def copying(content: bytes) -> str:
    """The script of a template, which comes as far as its removal, for a file of that content."""
    text = script(template_plan()).replace("ee" * 32, hashlib.sha256(content).hexdigest())
    return text.replace("wait_for 20", "wait_for 1")


def test_a_copy_is_kept_before_the_file_is_removed(tmp_path: Path) -> None:
    ended, calls = ran(copying(b"[Service]"), tmp_path, after="inactive")
    assert b"a copy is kept here" in ended.stdout
    assert (tmp_path / f"{TOKEN}.{TEMPLATE}").read_bytes() == b"[Service]"
    words = [call[-1] for call in calls if "fleettui-" in call[-1]]
    assert [word.rpartition(" fleettui-")[2].split()[0] for word in words[:2]] == ["copy", "remove"]
    copied = next(n for n, call in enumerate(calls) if "fleettui-copy" in call[-1])
    assert calls[copied - 1][-1].endswith("/target"), "only when the engine has followed"


def test_another_file_is_not_removed_and_never_written_over_a_good_copy(tmp_path: Path) -> None:
    kept = tmp_path / f"{TOKEN}.{TEMPLATE}"
    kept.write_bytes(b"good")
    ended, calls = ran(copying(b"good"), tmp_path, after="inactive")
    assert b"another file now" in ended.stderr
    assert kept.read_bytes() == b"good"
    kept.write_bytes(b"mine")
    second, more = ran(copying(b"[Service]"), tmp_path, after="inactive")
    assert b"is another file: move it away" in second.stderr
    assert kept.read_bytes() == b"mine"
    assert not [call for call in (*calls, *more) if "fleettui-remove" in call[-1]]


def test_another_machine_behind_the_address_stops_the_script(tmp_path: Path) -> None:
    text = script(reload_plan()).replace(f"machine={A.id}", f"machine={'f' * 32}")
    ended, calls = ran(text, tmp_path)
    assert ended.returncode == 1
    assert b"another machine" in ended.stderr
    assert not [call for call in calls if call[-1].startswith("sudo")]


def test_a_lock_that_somebody_else_holds_stops_the_script(tmp_path: Path) -> None:
    text = script(word_plan()).replace("/lock", "/lox")
    ended, calls = ran(text, tmp_path)
    assert ended.returncode == 1
    assert b"somebody else repairs this cluster" in ended.stderr
    assert not writes(calls)


def test_a_read_back_that_never_comes_stops_the_script(tmp_path: Path) -> None:
    text = script(word_plan()).replace("wait_for 10", "wait_for 1")
    ended, calls = ran(text, tmp_path, after="loaded")
    assert ended.returncode == 1
    assert b"not in time: target state inactive" in ended.stderr
    assert len(writes(calls)) == 1


values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=15, deadline=None)
@given(values)
def test_any_value_reaches_etcd_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    swap = next(a for a in word_plan().steps[0].actions if isinstance(a, SetTargetState))
    odd = replace(word_plan().steps[0], actions=(replace(swap, expected=value),))
    text = script(replace(word_plan(), steps=(odd,)))
    ended, calls = ran(text, tmp_path_factory.mktemp("run"), after="inactive")
    assert ended.returncode == 0, ended.stderr
    key = f"{ENDPOINT}v2/keys{PREFIX}job/batch.service/target-state"
    assert writes(calls) == [["PUT", key, f"prevValue={value}", "value=inactive"]]


unit_names = st.from_regex(r"[A-Za-z0-9:_.\\@-]{1,30}\.service", fullmatch=True).filter(
    lambda name: refusal(name) is None and not name.endswith("@.service")
)


@settings(max_examples=15, deadline=None)
@given(unit_names)
def test_any_unit_name_reaches_the_machine_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    known = service(U(name), "not-found inactive dead")
    job = unit(U(name), state(words="not-found inactive dead"))
    seen = look(snapshot(job), facts(A, FLEET, known, files=[U(name)]), machine=A)
    plan = plan_repair(finding("needs-daemon-reload", U(name)), seen, TOKEN)
    ended, calls = ran(script(plan), tmp_path_factory.mktemp("run"), after="told")
    assert ended.returncode == 0, ended.stderr
    start = next(call[-1] for call in calls if " start " in call[-1])
    told = subprocess.run(
        ["sh", "-c", f'set -- {start}; printf %s "$7"'], capture_output=True, timeout=20, check=True
    )
    assert told.stdout.decode() == name
