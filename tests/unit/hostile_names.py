"""Unit names that somebody hostile would choose: some by hand, and as many generated as wanted."""

import random
from collections.abc import Iterator

BY_HAND = (
    *(
        "",
        ".",
        "..",
        "../foo.service",
        "../../etc/passwd",
        "/etc/foo.service",
        "foo/../bar.service",
    ),
    *("foo.service\n", "\nfoo.service", "foo\r.service", "foo\t.service", "foo\0.service"),
    *("foo;reboot.service", "foo&reboot.service", "foo|reboot.service", "$(reboot).service"),
    *("`reboot`.service", "${IFS}.service", "$HOME.service", "foo>x.service", "foo<x.service"),
    *("foo bar.service", " foo.service", "foo.service ", "-rf.service", "--help.service", "-"),
    *("--.service", "-n.service", ".hidden.service", "...service", "foo'.service", 'foo".service'),
    *(
        "foo*.service",
        "foo?.service",
        "foo[1].service",
        "foo{a,b}.service",
        "~.service",
        "!x.service",
    ),
    *("#x.service", "foo#x.service", "a?recursive=true", "a?recursive=true.service", "a&dir=true"),
    *("%2e%2e.service", "%2e%2e", "..%2f.service", "a%00.service", "a%0d%0aHost:x.service"),
    *("f\u00f6\u00f6.service", "foo\u202e.service", "foo\u200b.service", "\udcff.service"),
    *("foo", "foo.target", "foo.slice", "foo.service.bak", "foo.servicE", "a" * 300 + ".service"),
    *("foo@@.service", "foo@.service@", "@.service", "foo@..service", "foo@a/b.service"),
    *("foo\\x2f.service", "a\\.service", "C:.service", "a:b.service", "_.service", "!x.service"),
)
_PIECES = (
    *(
        "..",
        "/",
        "\\",
        "?",
        "#",
        "%2e",
        "%00",
        ";",
        "$(x)",
        "`x`",
        "'",
        '"',
        " ",
        "\n",
        "\0",
        "\x1b[2J",
    ),
    *(
        "*",
        "-",
        "--",
        "@",
        "@.",
        ".service",
        ".timer",
        "foo",
        "a",
        "9",
        ":",
        "_",
        "\u202e",
        "\u00e9",
    ),
    *("&", "=", "recursive=true", "~", "!", "{", "\udc80", "\t", "x" * 60, ".", "%", "+", "|", ">"),
)
_ODD = ("\\x2f", "@", "a", "9", ":", "_", "b-", "c..", "\\")
"""Odd, and yet what systemd takes."""


def generated(count: int, seed: int = 1) -> Iterator[str]:
    """So many names, each another, made of what is dangerous; and some good ones that look odd."""
    chance = random.Random(seed)  # noqa: S311 - names, and no secrets
    told = set(BY_HAND)
    while len(told) < len(set(BY_HAND)) + count:
        pieces = _ODD if chance.random() < 0.2 else _PIECES
        name = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 6)))
        name = name if chance.random() < 0.3 else f"{name}.service"
        if name not in told:
            told.add(name)
            yield name
