"""A service of a lab machine that says whatever a test tells it to, through the real journald."""

from .machines import Machine
from .shell import wait_until

UNIT = "talker.service"
_SAID = "/run/talk"
_SERVICE = f"""
[Service]
ExecStartPre=/bin/sh -c 'touch {_SAID}'
ExecStart=/usr/bin/tail -n 0 -s 0.05 -F {_SAID}

[Install]
WantedBy=multi-user.target
"""
_WHOLE = r"""
import array, fcntl, os, socket, struct, subprocess, sys
message = sys.stdin.buffer.read()
data = b"MESSAGE\n" + struct.pack("<Q", len(message)) + message + b"\nPRIORITY=6\n"
memory = os.memfd_create("entry", os.MFD_ALLOW_SEALING)
os.write(memory, data)
fcntl.fcntl(memory, 1033, 15)  # sealed, as journald wants what does not fit into a datagram
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.connect("/run/systemd/journal/socket")
passed = array.array("i", [memory])
journal.sendmsg([b""], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
# journald asks the kernel whose it is when it takes it in: until then this process has to be there.
subprocess.run(("journalctl", "--sync"), check=True)
sys.stdout.write("sent\n")
"""


class Talker:
    """Says lines in `talker.service`, through its standard output."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        machine.put(f"/etc/systemd/system/{UNIT}", _SERVICE)

    def start(self) -> None:
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "restart", UNIT)
        wait_until(lambda: self.machine.main_pid(UNIT) or None, "the talker")

    def say(self, *lines: bytes | str) -> None:
        """Say some lines, as many writes as lines."""
        raw = b"".join((x if isinstance(x, bytes) else x.encode()) + b"\n" for x in lines)
        with self.machine.live(_SAID).open("ab") as said:
            said.write(raw)

    def say_whole(self, message: bytes) -> None:
        """Say one message of any length by journald's own protocol, in the same unit."""
        self.machine.live("/run/whole").write_bytes(message)
        self.machine.live("/run/whole.py").write_text(_WHOLE)
        say = "/usr/bin/python3 /run/whole.py < /run/whole"
        control = "/sys/fs/cgroup/system.slice/talker.service/cgroup.procs"
        self.machine.run("sh", "-c", f"echo $$ > {control}; {say}")

    def heard(self) -> int:
        """How many lines its journal has."""
        told = self.machine.run("journalctl", "-u", UNIT, "-o", "cat", "--no-pager", "-q")
        return len(told.splitlines())
