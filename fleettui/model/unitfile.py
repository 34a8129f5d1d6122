"""Unit files, read the way fleet reads them (a port of go-systemd's unit deserializer)."""

import re
from collections.abc import Iterator
from functools import cached_property

import msgspec

from fleettui.model.untrusted import Untrusted

Option = tuple[str, str, str]
"""Section, name, value."""

_TRUE = frozenset({"1", "yes", "true", "t", "on"})
_PULLS = {"docker": "pull", "podman": "pull", "rkt": "fetch"}
"""The word with which each program pulls an image."""
_WITH_VALUE = frozenset({"--platform", "--arch", "--os", "--variant", "--creds", "--authfile"})
"""Options of a pull whose value is a word of its own."""
_WORD_ENDS = re.compile(r"""[\s"'();&|]+""")
# What Go's unicode.IsSpace takes for a space; str.strip() would also take the separators 1C to 1F.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    chr(code) for code in range(0x2000, 0x200B)
)
_NOT_SPACE = re.compile(f"[^{_SPACE}]")
_SECTION_OR_COMMENT = re.compile(r"[\[#;]")
_END_OF_NAME = re.compile(r"[=\n\r]")
_ORDINARY = re.compile(
    r"\s*+(?:\[[^]\n]*+\][ \t]*+\n"
    r"(?:[ \t]*+(?:(?:[A-Za-z][A-Za-z0-9-]*+[ \t]*+=|[#;])[^\n]*+(?<![\\ ]))?+[ \t]*+\n)*+)*+"
)
"""Sections of options and comments, each on a line of its own: nothing of it fleet cannot read."""


class UnitFile(msgspec.Struct, frozen=True, dict=True):
    """The text of a unit file and its options in order; options may repeat."""

    raw: Untrusted
    keeps_line_ends: bool = False
    """Read a continued line as fleet 0.12 and later does: backslash and line end stay in it."""

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """Each option, in the order of the file, up to where fleet stops reading."""
        return self._read[0]

    @cached_property
    def problem(self) -> str | None:
        """Why fleet cannot read the file, so that its unit does not exist for it; None if it can.

        fleet 0.12 and later also refuses lines over 2048 bytes; that is not looked for.
        """
        return None if _ORDINARY.fullmatch(self.raw.raw) else self._read[1]

    def values(self, section: str, name: str) -> tuple[str, ...]:
        """All values of an option, in order."""
        return tuple(v for s, n, v in self.options if s == section and n == name)

    def fleet_values(self, name: str) -> tuple[str, ...]:
        """All values of an option of `[X-Fleet]`, where one line may hold several in quotes."""
        return tuple(v for line in self.values("X-Fleet", name) for v in _multivalue(line))

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Physical lines, to be shown."""
        return tuple(self.raw.raw.splitlines())

    @cached_property
    def is_global(self) -> bool:
        """`Global=true` in `[X-Fleet]`: a copy on every eligible machine. The last value counts.

        The words are those of fleet 0.13 and later; before it, only `true` was one (fleet
        job/job.go). Specifiers such as `%i` are not filled in.
        """
        if "Global" not in self.raw.raw:
            return False
        values = self.fleet_values("Global")
        return bool(values) and values[-1].lower() in _TRUE

    @cached_property
    def image_pulls(self) -> tuple[str, ...]:
        """Commands that pull an image before the unit starts: they prolong every restart."""
        return tuple(
            value
            for value in self.values("Service", "ExecStartPre")
            if any(True for _ in _pulled(value.lstrip("-@+!:")))
        )

    @cached_property
    def pulled_images(self) -> tuple[str, ...]:
        """The images that those commands name, each once, in order; specifiers as they stand."""
        named = (image for pull in self.image_pulls for image in _pulled(pull.lstrip("-@+!:")))
        return tuple(dict.fromkeys(image for image in named if image))

    @cached_property
    def _read(self) -> tuple[tuple[Option, ...], str | None]:
        lexer = _Lexer(self.raw.raw, self.keeps_line_ends)
        try:
            lexer.read()
        except _CannotBeRead as problem:
            return tuple(lexer.options), str(problem)
        return tuple(lexer.options), None


class _CannotBeRead(Exception):
    """go-systemd's deserializer gives up here."""


class _Lexer(msgspec.Struct):
    """go-systemd's unit/deserialize.go, as fleet 0.8 to 0.11 carry it, or as 0.12 and later do."""

    text: str
    keeps_line_ends: bool = False
    """fleet 0.12 and later; its forebears put one space for the backslash and the line end."""
    at: int = 0
    options: list[Option] = msgspec.field(default_factory=list)

    def read(self) -> None:
        """Fill `options`. Raises _CannotBeRead with those before the fault kept."""
        section = self._first_section()
        while section is not None:
            section = self._options_of(section)

    def _first_section(self) -> str | None:
        while found := _SECTION_OR_COMMENT.search(self.text, self.at):
            self.at = found.end()
            if found[0] == "[":
                return self._section_name()
            self._skip_comment()
        return None

    def _section_name(self) -> str:
        end = self.text.find("]", self.at)
        if end < 0:
            raise _CannotBeRead("the name of a section does not end")
        name = self.text[self.at : end]
        self.at = end + 1
        if self._line().strip(_SPACE):
            raise _CannotBeRead("something follows the name of a section on its line")
        return name

    def _options_of(self, section: str) -> str | None:
        """Read the options of one section; the name of the next, None at the end of the text."""
        while found := _NOT_SPACE.search(self.text, self.at):
            self.at = found.end()
            if found[0] == "[":
                return self._section_name()
            if found[0] in "#;":
                self._skip_comment()
                continue
            name = self._option_name(found.start())
            self.options.append((section, name, self._value()))
        return None

    def _option_name(self, start: int) -> str:
        end = _END_OF_NAME.search(self.text, start)
        if end is None or end[0] != "=":
            raise _CannotBeRead("a line within a section is no option: it has no =")
        self.at = end.end()
        return self.text[start : end.start()].strip(_SPACE)

    def _value(self) -> str:
        if self.keeps_line_ends:
            return self._value_with_line_ends()
        parts = []
        while (line := self._line()).endswith("\\"):
            parts.append(line[:-1])
        return " ".join((*parts, line)).strip(_SPACE)

    def _value_with_line_ends(self) -> str:
        value = []
        while (line := self._line()).strip(_SPACE):
            ended = self.text.endswith("\n", 0, self.at)
            value.append(line)
            if not line.endswith("\\"):
                break
            if ended:
                value.append("\n")
        text = "".join(value)
        return text.strip(_SPACE) + ("\n" if text.endswith("\n") else "")

    def _skip_comment(self) -> None:
        while self._line().removesuffix(" ").endswith("\\"):
            pass

    def _line(self) -> str:
        """The rest of the line; as in the original, `\\r` is cut only where the text ends."""
        end = self.text.find("\n", self.at)
        if end < 0:
            line, self.at = self.text[self.at :].removesuffix("\r"), len(self.text)
        else:
            line, self.at = self.text[self.at : end], end + 1
        return line


def _pulled(command: str) -> Iterator[str]:
    """The image of each call of a program that runs containers to pull one; "" where none is named.

    Options may stand before the word that pulls, and after it.
    """
    words = iter(_WORD_ENDS.split(command))
    wanted = None
    after_option = False
    for word in words:
        program = word.rpartition("/")[2]
        if program in _PULLS:
            wanted, after_option = _PULLS[program], False
        elif word == wanted:
            yield _first_argument(words)
            wanted = None
        elif word.startswith("-"):
            after_option = True
        elif after_option or word == "image":
            after_option = False
        else:
            wanted = None


def _first_argument(words: Iterator[str]) -> str:
    """The first of the words that is neither an option nor the value of one."""
    for word in words:
        if word in _WITH_VALUE:
            next(words, "")
        elif not word.startswith("-"):
            return word
    return ""


def _multivalue(line: str) -> list[str]:
    """`"a=b" "c=d"` as two values (fleet unit/unit.go); any other line is one."""
    if not (line.startswith('"') and line.endswith('"')):
        return [line]
    values: list[list[str]] = [[]]
    for number, piece in enumerate(line.split('"')):
        first, *more = [piece] if number % 2 else piece.split(" ")
        values[-1].append(first)
        values.extend([word] for word in more)
    return ["".join(parts) for parts in values]
