"""The long fuzz run over all decoders: what reaches a new line of the product is kept."""

import ctypes
import gc
import json
import random
import re
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from .decoders import CORPUS, DECODERS, Decoder, corpus
from .measure import resident_mb, say
from .mutate import Mutator

TRACED = 20
"""One of so many inputs is watched line by line, which takes ten times as long."""
KEPT = 60
"""Inputs of one decoder that the corpus holds at most."""
LONGEST = 2_000
"""Bytes of an input that the corpus holds at most."""
SLOW = 1.0
"""Seconds of processor time that no input may take, whatever it holds."""
HOPELESS = 20.0
"""Seconds of processor time after which an input is given up."""
_PACKAGE = str(Path(sys.modules["fleettui"].__path__[0]))

Line = tuple[CodeType, int]


@dataclass(slots=True)
class Course:
    """How one decoder fared."""

    decoder: Decoder
    mutator: Mutator
    lines: set[Line] = field(default_factory=set)
    """Lines of the product that were reached."""
    kept: list[bytes] = field(default_factory=list)
    inputs: int = 0
    refused: int = 0
    slowest: float = 0.0
    """Seconds of processor time."""
    failures: Counter[str] = field(default_factory=Counter)
    """By the place where they came about."""


def run(
    seconds: float, seed: int | None = None, names: tuple[str, ...] = (), inputs: int = 0
) -> int:
    """Feed all decoders in turn for that long, and until each has had so many inputs; how many
    failed. Says what came of it.
    """
    seed = random.randrange(1 << 32) if seed is None else seed  # noqa: S311 - said, to repeat it
    say(f"seed {seed}, {seconds:.0f} s")
    signal.signal(signal.SIGVTALRM, _give_up)
    courses = [_course(decoder, seed) for n, decoder in DECODERS.items() if not names or n in names]
    began = time.monotonic()
    rounds, early = 0, ""
    while (spent := time.monotonic() - began) < seconds or _fewest(courses) < inputs:
        for course in courses:
            _stretch(course, 0.25)
        rounds += 1
        if not early and spent > seconds / 10 and _fewest(courses) > inputs / 10:
            early = _held()
        if rounds % 60 == 1:
            _tell(courses, spent)
    _keep(courses)
    say(f"after the first tenth: {early}; at the end: {_held()}")
    return _summary(courses, time.monotonic() - began)


def _fewest(courses: list[Course]) -> int:
    return min(course.inputs for course in courses)


def _held() -> str:
    """What the process holds once the caches of fixed size, which fill up, are emptied."""
    for name, module in list(sys.modules.items()):
        if name.startswith("fleettui."):
            for value in vars(module).values():
                getattr(value, "cache_clear", lambda: None)()
    re.purge()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free is not held
    return f"{resident_mb():.1f} MB, {sys.getallocatedblocks():,} blocks of Python's"


def _course(decoder: Decoder, seed: int) -> Course:
    chance = random.Random(f"{seed} {decoder.name}")  # noqa: S311 - inputs, and no secrets
    course = Course(decoder, Mutator(decoder.seeds, chance))
    for data in decoder.seeds:
        course.lines |= lines_reached(partial(decoder.try_out, data))
    return course


def _stretch(course: Course, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        _one(course)


def _one(course: Course) -> None:
    data = course.mutator.next()
    course.inputs += 1
    if course.inputs % TRACED:
        began = time.thread_time()
        _tried(course, data)
        course.slowest = max(course.slowest, time.thread_time() - began)
        return
    new = lines_reached(lambda: _tried(course, data)) - course.lines
    if new and len(data) <= LONGEST:
        course.lines |= new
        course.kept.append(data)
        course.mutator.add(data)


def _tried(course: Course, data: bytes) -> None:
    began = time.thread_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, HOPELESS)
    try:
        result = course.decoder.try_out(data)
        course.refused += isinstance(result, Exception)
        assert time.thread_time() - began < SLOW, "it took too long"
    except Exception as error:  # noqa: BLE001 - what is looked for
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        course.failures[where] += 1
        if course.failures[where] == 1:
            say(f"{course.decoder.name}: {where}: {str(error)[:200]!a}\n  {data[:1000]!r}")
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            (CORPUS / f"failed-{course.decoder.name}-{len(course.failures)}.bin").write_bytes(data)


def lines_reached(work: Callable[[], object]) -> set[Line]:
    """The lines of the product that some work runs through."""
    reached: set[Line] = set()

    def per_line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            reached.add((frame.f_code, frame.f_lineno))
        return per_line

    def per_call(frame: FrameType, event: str, argument: Any) -> Any:
        return per_line if frame.f_code.co_filename.startswith(_PACKAGE) else None

    sys.settrace(per_call)
    try:
        work()
    finally:
        sys.settrace(None)
    return reached


def _keep(courses: list[Course]) -> None:
    """Add what reached new lines to the corpus, the shortest first."""
    for course in courses:
        old = corpus(course.decoder.name)
        room = max(KEPT - len(old), 0)
        both = sorted({*old, *sorted(course.kept, key=len)[:room]})
        text = "".join(json.dumps(data.decode("latin-1")) + "\n" for data in both)
        if both:
            (CORPUS / f"{course.decoder.name}.txt").write_text(text, "ascii")


def _give_up(*_: object) -> None:
    raise TimeoutError(f"it was not done in {HOPELESS:.0f} s")


def _tell(courses: list[Course], spent: float) -> None:
    inputs, failed = _sums(courses)
    say(f"  {spent:5.0f} s: {inputs:,} inputs, {failed} failed, {resident_mb():.1f} MB")


def _sums(courses: list[Course]) -> tuple[int, int]:
    failed = sum(course.failures.total() for course in courses)
    return sum(course.inputs for course in courses), failed


def _summary(courses: list[Course], spent: float) -> int:
    say(
        f"{'decoder':18}{'inputs':>12}{'refused':>12}{'lines':>7}{'kept':>6}{'slowest':>10}  failed"
    )
    for c in courses:
        counts = f"{c.inputs:12,}{c.refused:12,}{len(c.lines):7}{len(c.kept):6}"
        say(f"{c.decoder.name:18}{counts}{c.slowest * 1000:7.0f} ms  {c.failures.total()}")
    inputs, failed = _sums(courses)
    cpu = time.process_time()
    say(f"{inputs:,} inputs in {spent:.0f} s ({cpu:.0f} s of a core), {failed} exceptions")
    return failed
