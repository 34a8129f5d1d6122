"""Unit names: what is a template, and what fleettui will not act on."""

import pytest

from fleettui.model.names import is_template, refusal, template_of


@pytest.mark.parametrize("name", ["zookeeper@.service", "a-b@.timer", "x\\x2dy@.mount"])
def test_a_name_with_an_empty_instance_is_a_template(name: str) -> None:
    assert is_template(name)
    assert refusal(name) is None


@pytest.mark.parametrize(
    "name", ["zookeeper@1.service", "zookeeper.service", "@", "a@.txt", "a@b@.service", "a@.", ""]
)
def test_other_names_are_none(name: str) -> None:
    assert not is_template(name)


def test_an_instance_knows_its_template() -> None:
    assert template_of("zookeeper@3.service") == "zookeeper@.service"
    assert template_of("zookeeper@.service") is None
    assert template_of("hello.service") is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x.service",
        "a/b.service",
        "-rf.service",
        ".hidden.service",
        "a b.service",
        "a\nb.service",
        "$(reboot).service",
        "a;b.service",
        "a?recursive=true.service",
        "%2e%2e.service",
        "a\x00.service",
        "x" * 256 + ".service",
        "noservice",
        "foo.slice",
        "grüße.service",
    ],
)
def test_a_name_that_fleet_would_refuse_is_never_acted_on(name: str) -> None:
    assert refusal(name) is not None
