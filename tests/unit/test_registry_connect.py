"""Addresses of etcd as operators write them, and what must not happen before the first paint."""

import subprocess
import sys

import pytest

from fleettui.access import RegistryReader, RegistryWriter
from fleettui.registry.connect import connect_reader, connect_writer
from fleettui.registry.endpoints import DEFAULT_ENDPOINTS, checked_endpoints
from fleettui.registry.keys import DEFAULT_PREFIX

WRITES = [name for name in vars(RegistryWriter) if not name.startswith("_")]


@pytest.mark.parametrize(
    ("given", "endpoints"),
    [
        (DEFAULT_ENDPOINTS, DEFAULT_ENDPOINTS),
        (["http://10.0.0.1:2379/"], ("http://10.0.0.1:2379",)),
        (["https://etcd-1.example:4001"], ("https://etcd-1.example:4001",)),
        (["HTTP://ETCD:2379"], ("http://etcd:2379",)),
        (["http://[fd00::1]:2379"], ("http://[fd00::1]:2379",)),
        (["http://a:1,http://b:2", " http://a:1 "], ("http://a:1", "http://b:2")),
    ],
)
def test_endpoints_are_brought_into_one_form(
    given: tuple[str, ...] | list[str], endpoints: tuple[str, ...]
) -> None:
    assert checked_endpoints(given) == endpoints


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("", "no etcd endpoint"),
        (" , ", "no etcd endpoint"),
        ("10.0.0.1:2379", "must begin with http"),
        ("etcd:2379", "must begin with http"),
        ("ftp://etcd:2379", "must begin with http"),
        ("unix:///var/run/fleet.sock", "fleet's own API"),
        ("http://etcd", "needs a port"),
        ("http://etcd:0", "needs a port"),
        ("http://etcd:99999", "no address"),
        ("http://etcd:x", "no address"),
        ("http://:2379", "names no host"),
        ("http://-x:2379", "names no host"),
        ("http://a%20b:2379", "names no host"),
        ("http://[::1:2379", "no address"),
        ("http://etcd:2379/v2/keys", "must end after its port"),
        ("http://etcd:2379?x=1", "must end after its port"),
        ("http://etcd:2379#x", "must end after its port"),
    ],
)
def test_an_endpoint_that_cannot_be_meant_is_refused_in_words(endpoint: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked_endpoints([endpoint])


def test_a_password_in_an_endpoint_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="cannot carry a user name or a password") as raised:
        checked_endpoints(["http://root:hunter2@etcd:2379"])
    assert "hunter2" not in str(raised.value)


def test_a_bad_prefix_is_refused_before_anything_is_connected() -> None:
    with pytest.raises(ValueError, match="etcd key"):
        connect_reader(DEFAULT_ENDPOINTS, "/a/../b")
    with pytest.raises(ValueError, match="etcd key"):
        connect_writer(DEFAULT_ENDPOINTS, "")


def test_reader_and_writer_are_what_a_session_is_made_of() -> None:
    reader = connect_reader(DEFAULT_ENDPOINTS, DEFAULT_PREFIX)
    as_reader: RegistryReader = reader
    as_writer: RegistryWriter = connect_writer(DEFAULT_ENDPOINTS, DEFAULT_PREFIX, reader)
    assert not {*WRITES} & {*dir(as_reader)}
    assert not hasattr(as_writer, "read")


def test_making_a_reader_and_a_writer_imports_nothing_that_only_their_use_takes() -> None:
    program = """
import sys
from fleettui.registry.connect import connect_reader, connect_writer
from fleettui.registry.endpoints import DEFAULT_ENDPOINTS
connect_writer(DEFAULT_ENDPOINTS, "/f", connect_reader(DEFAULT_ENDPOINTS, "/f"))
late = {"etcd", "urllib3", "dns", "textual", "asyncssh"} & set(sys.modules)
late |= {f"fleettui.registry.{name}" for name in sys.argv[1:]} & set(sys.modules)
sys.exit(f"too early: {late}" if late else 0)
"""
    ours = ("following", "image", "decode", "source", "answers", "send", "lock")
    argv = (sys.executable, "-c", program, *ours)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
