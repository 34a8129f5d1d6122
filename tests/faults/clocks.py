"""A clock that is wrong, for the programs that it is loaded into by LD_PRELOAD."""

import shutil
import subprocess
from pathlib import Path

_SHIFTED = r"""
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
int clock_gettime(clockid_t which, struct timespec *now) {
  int failed = syscall(SYS_clock_gettime, which, now);
  if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += SHIFT;
  return failed;
}
"""


def build_clock(folder: Path, seconds_ahead: int = 3600) -> Path | None:
    """A library that moves the time of day; None where there is no C compiler to make it."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(_SHIFTED.replace("SHIFT", str(seconds_ahead)))
    argv = (compiler, "-shared", "-fPIC", "-o", str(library), str(source))
    subprocess.run(argv, check=True, capture_output=True)
    return library
