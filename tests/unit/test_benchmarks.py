"""Where the benchmarks put what stands for other computers, and what they have those say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.cluster import address
from benchmarks.elsewhere import elsewhere, find, group
from benchmarks.machines import JOURNALCTL, silence

MOUNTS = """\
25 1 0:22 / / rw,relatime - ext4 /dev/vda rw
31 25 0:27 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
33 25 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
34 25 0:30 / /sys/fs/cgroup/cpuset rw,nosuid - cgroup cgroup rw,cpuset
"""
FIRST, SECOND = Path("/sys/fs/cgroup/cpu,cpuacct"), Path("/sys/fs/cgroup/unified")


@pytest.mark.parametrize(
    ("memberships", "root", "own", "beside"),
    [
        ("2:cpuset:/a\n4:cpu,cpuacct:/\n0::/", "/", FIRST, FIRST),
        ("4:cpu,cpuacct:/a/b\n0::/", "/", FIRST / "a/b", FIRST / "a/b"),
        ("4:cpu,cpuacct:/box/a\n0::/", "/box", FIRST / "a", FIRST / "a"),
        ("4:cpu,cpuacct:/elsewhere\n0::/x/y", "/box", SECOND / "x/y", SECOND / "x"),
        ("2:cpuset:/a\n0::/x/y", "/", SECOND / "x/y", SECOND / "x"),
        ("0::/", "/", SECOND, SECOND),
        ("0::/../x", "/", None, None),
        ("2:cpuset:/a", "/", None, None),
    ],
)
def test_a_cpu_group_is_looked_for_where_it_weighs_against_the_programs_own(
    memberships: str, root: str, own: Path | None, beside: Path | None
) -> None:
    place = find(memberships, MOUNTS.format(root=root))
    assert (place and place.own) == own
    assert (place and place.other.parent) == beside
    if place:
        assert (place.weight[0] == "cpu.shares") == place.own.is_relative_to(FIRST)


def test_only_what_is_started_elsewhere_is_in_the_group() -> None:
    place = group()
    if place is None:
        pytest.skip("no CPU group can be made here")
    with elsewhere():
        other = subprocess.Popen(("sleep", "60"))
    ours = subprocess.Popen(("sleep", "60"))
    try:
        inside = (place.other / "cgroup.procs").read_text().split()
        assert str(other.pid) in inside
        assert not {str(ours.pid), str(os.getpid())} & {*inside}
    finally:
        for process in (other, ours):
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    "words",
    [
        "-u fleet.service -o json --no-pager --lines=3",
        "-n 7",
        "-u fleet.service --cursor=s=4b;i=62;b=1;m=1;t=1;x=1",
        "-u fleet.service",
    ],
)
def test_a_silent_journal_says_what_one_says_that_has_not_spoken_yet(
    words: str, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    silence(tmp_path, 1)
    env = {
        "SSH_CONNECTION": f"127.0.0.1 50022 {address(0)} 22",
        "BENCH_SPEECH": str(tmp_path / "not-told"),
        "BENCH_PID": str(os.getpid()),
        "PATH": os.environ["PATH"],
    }
    speaking = (sys.executable, "-IS", str(JOURNALCTL))
    said = [
        subprocess.run((*argv, *words.split()), env=env, capture_output=True, check=True).stdout
        for argv in (speaking, (str(tmp_path / "bin" / "journalctl"),))
    ]
    assert said[0] == said[1] != b""
