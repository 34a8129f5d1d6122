"""The forced command of an observer's SSH key: a POSIX script that runs the read templates only.

Made from `fleettui.commands.templates`, so that the two cannot drift apart. For dash and bash of
2014 and later, and busybox.
"""

import hashlib
import shlex
from collections.abc import Iterator

from fleettui.commands.scripts import FENCE_VARIABLE
from fleettui.commands.templates import ReadTemplate, Slot, Varying, Word

_BEGIN = r"""#!/bin/sh
# What a fleettui observer's key may run: what fleettui reads, and nothing else.
# sshd runs it instead of what was asked for, which is in SSH_ORIGINAL_COMMAND. It is compared
# word by word and never given to a shell.
# shellcheck disable=SC2016  # the scripts stand here as texts, to be expanded where they run
set -u
had_locale=${LC_ALL-}
LC_ALL=C
asked=${SSH_ORIGINAL_COMMAND-}
q="'"

refuse() {
  echo "fleettui: this key may not run that: $1. It runs what fleettui reads (fence %(name)s)." >&2
  exit 126
}

# A text in single quotes, as fleettui writes it.
quoted() {
  left=$1
  done=
  while :; do
    case $left in
      *"$q"*) ;;
      *) break ;;
    esac
    done="$done${left%%%%"$q"*}$q\"$q\"$q"
    left=${left#*"$q"}
  done
  printf '%%s' "$q$done$left$q"
}

# Whether the command begins so; what follows is left in rest.
begins() {
  case $asked in
    "$1" | "$1 "*) rest=${asked#"$1"} ;;
    *) return 1 ;;
  esac
}
"""

_SPLIT = r"""
# The words that vary, each bare or in single quotes; there is no other way to write them.
set --
while [ -n "$rest" ]; do
  case $rest in
    " $q"*"$q"*)
      rest=${rest#" $q"}
      word=${rest%%"$q"*}
      rest=${rest#*"$q"}
      ;;
    ' '*)
      rest=${rest#' '}
      word=${rest%%' '*}
      rest=${rest#"$word"}
      case $word in
        '' | *[!A-Za-z0-9_@%+=:,./-]*) refuse 'a word is not plain' ;;
      esac
      ;;
    *) refuse 'something stands behind a word' ;;
  esac
  set -- "$@" "$word"
done
"""


def fence_name() -> str:
    """Names what may be read: another one where another fleettui reads something else."""
    text = repr([(template.name, template.value) for template in ReadTemplate])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def forced_command() -> str:
    """The script."""
    kinds = _kinds()
    parts = [_BEGIN % {"name": fence_name()}]
    parts += (_kind_check(kind, name) for kind, name in kinds.items())
    parts += (_template_check(template, kinds) for template in ReadTemplate)
    parts += ["".join(_scripts()), "".join(_which()), _SPLIT, "".join(_run())]
    return "".join(parts)


def _kinds() -> dict[Varying, str]:
    """A function's name for each kind of word that varies."""
    slots = [slot for template in ReadTemplate for slot in template.value.slots]
    varying = dict.fromkeys(k for slot in slots for k in slot.kinds if isinstance(k, Varying))
    return {kind: f"is_kind_{number}" for number, kind in enumerate(varying, 1)}


def _kind_check(kind: Varying, name: str) -> str:
    what = f"{kind.begins}..." if kind.begins else "a unit"
    lines = [f"\n# {what}", f"{name}() {{"]
    if kind.begins:
        lines += [f"  case $1 in {kind.begins}*) ;; *) return 1 ;; esac"]
    lines += [
        f"  value=${{1#{kind.begins}}}" if kind.begins else "  value=$1",
        f"  case $value in '' | *[!{kind.characters}]*) return 1 ;; esac",
    ]
    if kind.never_first:
        lines += [f"  case $value in [{kind.never_first}]*) return 1 ;; esac"]
    if kind.ends:
        ends = " | ".join(f"*{end}" for end in kind.ends)
        lines += [f"  case $value in {ends}) ;; *) return 1 ;; esac"]
    return "\n".join([*lines, f"  [ ${{#value}} -le {kind.longest} ]", "}", ""])


def _template_check(template: ReadTemplate, kinds: dict[Varying, str]) -> str:
    lines = [f"\nfits_{template.name.lower()}() {{"]
    for slot in template.value.slots:
        lines += _slot_check(slot, kinds)
    return "\n".join([*lines, "  [ $# -eq 0 ]", "}", ""])


def _slot_check(slot: Slot, kinds: dict[Varying, str]) -> Iterator[str]:
    tests = " || ".join(_word_test(kind, kinds) for kind in slot.kinds)
    wanted = "[ $# -gt 0 ] && " + (tests if len(slot.kinds) == 1 else f"{{ {tests}; }}")
    if slot.least:
        yield f"  {wanted} || return 1"
        yield "  shift"
    elif slot.most == 1:
        yield f"  if {wanted}; then shift; fi"
    else:
        yield f"  while {wanted}; do shift; done"


def _word_test(kind: Word, kinds: dict[Varying, str]) -> str:
    if isinstance(kind, Varying):
        return f'{kinds[kind]} "$1"'
    return f'[ "$1" = {shlex.quote(kind)} ]'


def _scripts() -> Iterator[str]:
    """The scripts that some templates hold, as variables."""
    for template in ReadTemplate:
        for word in template.value.head:
            if "\n" in word:
                yield f"\n{template.name.lower()}={shlex.quote(word)}\n"


def _which() -> Iterator[str]:
    """Which template it is that the command begins with."""
    yield "\nrest=\n"
    for number, template in enumerate(ReadTemplate):
        name = template.name.lower()
        begin = " ".join(
            f'$(quoted "${name}")' if "\n" in word else word for word in template.value.head
        )
        yield f'{"elif" if number else "if"} begins "{begin}"; then\n  template={name}\n'
    yield "else\n  refuse 'no command of that kind is read'\nfi\n"


def _run() -> Iterator[str]:
    yield '\n"fits_$template" "$@" || refuse "a word of $template does not fit"\n'
    yield f"{FENCE_VARIABLE}={fence_name()}\nexport {FENCE_VARIABLE}\n"
    yield 'if [ -n "$had_locale" ]; then LC_ALL=$had_locale; else unset LC_ALL; fi\n'
    yield "case $template in\n"
    for template in ReadTemplate:
        name = template.name.lower()
        words = " ".join(f'"${name}"' if "\n" in w else w for w in template.value.head)
        yield f'  {name}) exec {words} "$@" ;;\n'
    yield "esac\n"
