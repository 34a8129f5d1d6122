"""The answer of the images script, read: which container images a machine has already."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleettui.access import HostUnreachable
from fleettui.hosts.text import as_text, last_words
from fleettui.model.host import ImageFacts
from fleettui.model.untrusted import Untrusted

_BEGIN = b"fleettui-images-1\0"
_HUB = re.compile(r"(?:(?:index\.|registry-1\.)?docker\.io/)?(?:library/)?")
"""How Docker's own registry may be written before a name; left out, it is meant."""
_LEFT_OPEN = re.compile(r"[%$]")


@dataclass(frozen=True, slots=True)
class _Listing:
    """What one program said of its images."""

    program: str
    status: int
    text: str

    @property
    def failed(self) -> bool:
        return self.status != 0

    def names(self) -> frozenset[str]:
        """Every image in one form; docker and podman print its tag in a column of its own."""
        rows = [line.split() for line in self.text.split("\n")]
        if self.program == "rkt":
            return frozenset(_normal(row[1]) for row in rows if len(row) > 1)
        return frozenset(_normal(f"{row[0]}:{row[1]}") for row in rows if len(row) > 1)


def read_images(answer: bytes, wanted: Sequence[Untrusted]) -> Mapping[Untrusted, ImageFacts]:
    """Whether each image is there. Raises HostUnreachable where the answer is not whole."""
    listings = _read(answer)
    return {image: _facts(image.raw, listings) for image in wanted}


def _facts(image: str, listings: Sequence[_Listing]) -> ImageFacts:
    """Present where a program lists it; absent only where every program that is there was asked."""
    if _LEFT_OPEN.search(image):
        return _unknown("its name is known only when the unit starts")
    if "@" in image:
        return _unknown("named by its digest, which the lists do not show")
    if image.startswith("docker://"):
        listings = [listing for listing in listings if listing.program == "rkt"]
    name = _normal(image.removeprefix("docker://"))
    answered = [listing for listing in listings if not listing.failed]
    if any(name in listing.names() for listing in answered):
        return ImageFacts(present=True)
    failed = [f"{f.program}: {last_words(f.text.encode())}" for f in listings if f.failed]
    if failed:
        return _unknown("; ".join(failed))
    return ImageFacts(present=False) if listings else _unknown("no program for it was found")


def _unknown(why: str) -> ImageFacts:
    return ImageFacts(None, Untrusted(why))


def _normal(image: str) -> str:
    """A name as it is compared: without Docker's own registry, with its tag."""
    name = image[_prefix_end(image) :].replace(",version=", ":")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _prefix_end(image: str) -> int:
    found = _HUB.match(image)
    return found.end() if found else 0


def _read(answer: bytes) -> tuple[_Listing, ...]:
    """The lists of an answer, behind whatever a login shell greeted with."""
    begin = answer.find(_BEGIN)
    if begin < 0:
        raise HostUnreachable(f"no answer of fleettui's script: {last_words(answer) or 'silence'}")
    *fields, rest = answer[begin + len(_BEGIN) :].split(b"\0")
    if rest or fields[-1:] != [b"end"] or len(fields) % 3 != 1:
        raise HostUnreachable(f"the answer was cut after {len(answer)} bytes")
    return tuple(_listings(fields[:-1]))


def _listings(fields: Sequence[bytes]) -> Iterator[_Listing]:
    for program, status, text in zip(*[iter(fields)] * 3, strict=True):
        number = int(status) if status.isdigit() and len(status) < 4 else 1
        yield _Listing(as_text(program).raw, number, as_text(text).raw)
