"""The catalogue of faults: each with its severity, fleet's issues, and what can be done."""

from importlib import import_module

import pytest

from fleettui.diagnosis.finding import Fault, Severity
from fleettui.diagnosis.rules import RULES

CATALOGUE = {
    "template-loaded": (Severity.CRITICAL, {969, 793, 1236, 1251, 1326}),
    "needs-daemon-reload": (Severity.WARNING, {1206, 1152}),
    "ghost-state": (Severity.WARNING, {833, 971, 1627}),
    "bad-target-state": (Severity.WARNING, {1356}),
    "orphan-job": (Severity.WARNING, {1179, 1456}),
    "duplicate-machine-id": (Severity.CRITICAL, {1241, 615}),
    "no-engine-leader": (Severity.CRITICAL, {808, 1181}),
    "unschedulable": (Severity.WARNING, {912, 1348}),
    "machine-flapping": (Severity.WARNING, {1725, 1289, 1145}),
    "etcd-unreachable": (Severity.CRITICAL, {550, 1329}),
    "hash-differs": (Severity.WARNING, {1366}),
    "state-disagrees": (Severity.WARNING, set()),
    "watch-noise": (Severity.NOTE, {888, 1083}),
}


def faults() -> dict[str, Fault]:
    """The fault of each rule."""
    modules = (import_module(rule.__module__) for rule in RULES)
    return {module.FAULT.id: module.FAULT for module in modules}


def test_every_fault_has_one_rule_and_every_rule_its_fault() -> None:
    assert faults().keys() == CATALOGUE.keys()
    assert len(RULES) == len(CATALOGUE)


@pytest.mark.parametrize("fault", CATALOGUE)
def test_a_fault_is_as_bad_as_the_catalogue_has_it_and_names_fleets_issues(fault: str) -> None:
    known = faults()[fault]
    assert (known.severity, set(known.issues)) == CATALOGUE[fault]


@pytest.mark.parametrize("fault", CATALOGUE)
def test_a_fault_says_what_can_be_done_and_by_whom(fault: str) -> None:
    assert "fleettui" in faults()[fault].remedy
