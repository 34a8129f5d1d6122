"""systemd's specifiers in the options of a unit file, as far as the unit's name fills them in."""

import re

_SPECIFIER = re.compile(r"%(.?)", re.DOTALL)


def expanded(text: str, unit: str) -> str | None:
    """`text` as systemd would read it for a unit of that name; None where the name is not enough.

    `%I` and `%P` are those of a name without escapes only (systemd.unit(5)).
    """
    stem = unit.rpartition(".")[0]
    prefix, _, instance = stem.partition("@")
    known = {"%": "%", "n": unit, "p": prefix, "i": instance}
    if not _is_escaped(stem):
        known |= {"N": stem, "P": prefix, "I": instance}
    if any(found[1] not in known for found in _SPECIFIER.finditer(text)):
        return None
    return _SPECIFIER.sub(lambda found: known[found[1]], text)


def _is_escaped(name: str) -> bool:
    return "-" in name or "\\" in name
