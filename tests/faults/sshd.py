"""An SSH server in a process of its own, to be stopped as a hung machine is: SIGSTOP, SIGKILL."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import asyncssh

_SERVER = """
import asyncio, json, sys
import asyncssh

class Login(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False

running = 0

def count(change):
    global running
    running += change
    with open(sys.argv[3], "w") as file:
        file.write(str(running))

async def run(process):
    count(1)
    try:
        await serve(process)
    finally:
        count(-1)

async def serve(process):
    record = json.dumps({"__CURSOR": "s=1;i=1", "__REALTIME_TIMESTAMP": "1409270367310391",
                         "MESSAGE": "INFO a.go:1: a line", "_BOOT_ID": "b0"})
    process.stdout.write(record + "\\n")
    if " -f" not in (process.command or ""):
        process.exit(0)
        return
    while await process.stdin.read(1024):
        pass
    process.exit(143)

async def main():
    count(0)
    acceptor = await asyncssh.listen(sys.argv[1], int(sys.argv[4]), server_factory=Login,
                                     process_factory=run, server_host_keys=[sys.argv[2]])
    print(acceptor.get_port(), flush=True)
    await acceptor.wait_closed()

asyncio.run(main())
"""


class Sshd:
    """Lets everybody in, and answers whatever it is asked with one journal record."""

    def __init__(self, folder: Path, address: str = "127.0.0.1", port: int = 0) -> None:
        self.address = address
        self._counted = folder / f"running-{address}"
        key = folder / f"host-key-{address}"
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._key.write_private_key(str(key))
        argv = (sys.executable, "-c", _SERVER, address, str(key), str(self._counted), str(port))
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        self.port = 0

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        self.port = int(json.loads(self._process.stdout.readline()))
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def running(self) -> int:
        """Commands that have not ended."""
        return int(self._counted.read_text() or 0)

    @property
    def known_host(self) -> str:
        """The line of a known_hosts file that knows it."""
        public = self._key.export_public_key().decode().strip()
        return f"[{self.address}]:{self.port} {public}\n"

    def freeze(self) -> None:
        """Its connections stay open, and nothing is answered."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)
