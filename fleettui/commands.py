"""Every command that fleettui ever sends to a machine, as argv tuples; nothing else makes one.

A `ReadCommand` changes nothing and needs no rights but to read; a `ChangeCommand` runs through
`sudo -n`. The two are different types, so that what may only read cannot be handed a change. All
of it works with systemd 215, its journalctl, and the coreutils of that time.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from fleettui.model.host import FLEET_SERVICE, FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.names import refusal

QUARANTINE = "/run/fleettui/quarantine"
"""Where removed files go on the machine: on the tmpfs of both unit folders, outside of them."""


@dataclass(frozen=True, slots=True)
class ReadCommand:
    """A command that leaves the machine as it is."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeCommand:
    """A command that changes the machine, as root."""

    argv: tuple[str, ...]


Command = ReadCommand | ChangeCommand


def shell_text(command: Command) -> str:
    """The one line that a machine's login shell gets: the only place where arguments are quoted."""
    return shlex.join(command.argv)


# --- reading ---------------------------------------------------------------------------------

PROBE_SCRIPT = r"""
LC_ALL=C; export LC_ALL
span=--lines=60
case ${1-} in --since=*) span=$1; shift ;; esac
say() { printf '%s\0' "$@"; }
say fleettui-probe-1 "$(date +%s.%N)" "$(cut -d ' ' -f 1 /proc/uptime)" \
  "$(cat /etc/machine-id)" "$(uname -n)"
for dir in /run/fleet/units /run/systemd/system; do
  if cd -P -- "$dir" 2>/dev/null && [ -r . ]; then
    say folder "$dir" "$(pwd -P)"
    find . -mindepth 1 -maxdepth 1 -printf 'entry\0%f\0%y\0%s\0%m\0%n\0%l\0' 2>/dev/null
    for file in ./*; do
      [ -f "$file" ] && [ ! -L "$file" ] &&
        say sha256 "${file#./}" "$(sha256sum 2>/dev/null < "$file" | cut -d ' ' -f 1)"
    done
  else
    say missing "$dir" "$(ls -ld "$dir/." 2>&1)"
  fi
done
say version "$(fleetd --version 2>/dev/null | head -n 1)"
set -- fleet.service "$@"
if cd /run/fleet/units 2>/dev/null; then
  for file in ./*.*; do
    case $file in ./\*.\* | *@.*) ;; *) set -- "$@" "${file#./}" ;; esac
  done
fi
say services "$(systemctl show -p Id -p Names -p LoadState -p ActiveState -p SubState -p MainPID \
  -p NeedDaemonReload -p FragmentPath -p ActiveEnterTimestampMonotonic \
  -p InactiveEnterTimestampMonotonic -- "$@" 2>&1)"
say journal "$(journalctl -u fleet.service -o json --no-pager "$span" 2>&1 | tail -n 5000)"
say end
"""
"""One round trip of facts. NUL-terminated fields: a header of five, then tagged groups of
`folder PATH REALPATH`, `entry NAME TYPE SIZE MODE LINKS TARGET` (find's %y: f, l, d, ...),
`sha256 NAME HEX`, `missing PATH WHY`, `version TEXT` (what fleetd says of itself),
`services TEXT` (systemctl show, blank line between units),
`journal TEXT` (JSON lines, or what journalctl said instead) and a closing `end`: an answer
without it was cut. Units to show are the arguments and whatever FLEET_UNITS holds; templates are
left out, because systemctl refuses them."""

JOURNAL_SCRIPT = r"""
exec 3<&0
journalctl "$@" & tail=$!
{ cat <&3; kill "$tail"; } >/dev/null 2>&1 & watch=$!
wait "$tail"; status=$?
kill "$watch" 2>/dev/null
exit "$status"
"""
"""journalctl with a watchdog: it ends when our end of its standard input closes, whatever the
reason. Without one a followed journal outlives its connection for as long as the unit is silent."""

COPY_SCRIPT = r"""
LC_ALL=C; export LC_ALL
cd -P -- "$1" && [ "$(pwd -P)" = "$1" ] && [ -f "./$2" ] && [ ! -L "./$2" ] || exit 3
stat -c '%a %u %g %h %s' -- "./$2" && cat -- "./$2"
"""
"""The bytes of a regular file after one line of `mode uid gid links size` (mode octal); exit 3
where it is none."""


def probe(units: Sequence[str] = (), since: str | None = None) -> ReadCommand:
    """Facts of a machine, with the state of `units` besides those that the machine itself names.

    Its journal is the newest 60 lines, or what came `since` (journalctl's words), 5,000 at most.
    """
    span = (f"--since={since}",) if since else ()
    names = [u for u in units if refusal(u) is None and "@." not in u]
    return ReadCommand(("sh", "-c", PROBE_SCRIPT, "fleettui-probe", *span, *names))


def follow_journal(
    unit: str = FLEET_SERVICE, *, lines: int = 500, after_cursor: str | None = None
) -> ReadCommand:
    """A unit's journal as JSON lines for as long as standard input stays open.

    With a cursor, all that came after it: `--no-tail`, because `-f` alone would cut it to ten.
    """
    span = ("--no-tail", f"--after-cursor={after_cursor}") if after_cursor else ("-n", str(lines))
    argv = ("-u", unit, "-o", "json", "-f", "--no-pager", *span)
    return ReadCommand(("sh", "-c", JOURNAL_SCRIPT, "fleettui-journal", *argv))


def copy_file(folder: str, name: str) -> ReadCommand:
    """A unit file's bytes, mode and owner, before it is touched."""
    return ReadCommand(("sh", "-c", COPY_SCRIPT, "fleettui-copy", _folder(folder), _name(name)))


# --- changing --------------------------------------------------------------------------------

REMOVE_SCRIPT = r"""
LC_ALL=C; export LC_ALL
umask 077
dir=$1 name=$2 kind=$3 want=$4 quarantine=$5 token=$6
say() { printf '%s\n' "$1"; }
answer() { printf '%s\n' "$@"; exit 0; }
look() {
  case $kind in
    link)
      [ -L "$1" ] || { say 'not a symbolic link'; return; }
      is=$(readlink -- "$1"; echo .)
      [ "${is%??}" = "$want" ] || { say "a link to ${is%??}"; return; } ;;
    file)
      [ ! -L "$1" ] || { say 'a symbolic link'; return; }
      [ -f "$1" ] || { say 'not a regular file'; return; }
      [ "$(stat -c %h -- "$1")" = 1 ] || { say 'a file with more than one hard link'; return; }
      is=$(sha256sum < "$1" | cut -d ' ' -f 1)
      [ "$is" = "$want" ] || { say "a file with sha256 $is"; return; } ;;
    *) say "not to be judged as a $kind"; return ;;
  esac
  say as-expected
}
cd -P -- "$dir" 2>/dev/null || answer refused "cannot enter $dir"
[ "$(pwd -P)" = "$dir" ] || answer refused "$dir is really $(pwd -P)"
[ -e "./$name" ] || [ -L "./$name" ] || answer absent
is=$(look "./$name")
[ "$is" = as-expected ] || answer refused "$dir/$name is $is"
mkdir -p -- "$quarantine" 2>/dev/null || answer refused "cannot make $quarantine"
[ "$(stat -c %d .)" = "$(stat -c %d "$quarantine")" ] ||
  answer refused "$quarantine is on another filesystem"
kept=$quarantine/$token.$kind
if [ -e "$kept" ] || [ -L "$kept" ]; then answer refused "$kept is there already"; fi
mv -T -- "./$name" "$kept" || answer refused "could not rename $dir/$name"
is=$(look "$kept")
if [ "$is" != as-expected ]; then
  [ ! -e "./$name" ] && [ ! -L "./$name" ] && mv -T -- "$kept" "./$name" &&
    answer refused "$dir/$name changed while it was being removed and was put back: it is $is"
  answer refused "$dir/$name changed while it was being removed: it is $is, kept as $kept"
fi
answer removed "$kept"
"""
"""Take one entry out of a unit folder, only if it is still what was looked at. Checked, renamed
into quarantine, checked again, else put back. Prints `removed PATH`, `absent` or `refused WHY`
on separate lines, and exits 0: another exit status means that the script itself did not run."""


def sudo_works() -> ChangeCommand:
    """Whether root may be had without a password. Changes nothing, but no observer sends it."""
    return _sudo("true")


def remove_file(name: str, sha256: str, token: str) -> ChangeCommand:
    """Move the unit file of `name` out of fleet's folder, if its bytes are those of `sha256`."""
    return _remove(FLEET_UNITS, name, "file", sha256, token)


def remove_link(name: str, token: str) -> ChangeCommand:
    """Move systemd's link of `name` away, if it points to fleet's file of that name."""
    return _remove(SYSTEMD_UNITS, name, "link", f"{FLEET_UNITS}/{name}", token)


def daemon_reload() -> ChangeCommand:
    """Have systemd read its unit files anew."""
    return _sudo("systemctl", "daemon-reload")


def restart_fleet() -> ChangeCommand:
    """The documented restart: fleetd's SIGTERM handler stops every unit it manages."""
    return _sudo("systemctl", "restart", "--no-block", FLEET_SERVICE)


def kill_fleet() -> ChangeCommand:
    """End fleetd without its SIGTERM handler. The flag is spelled as systemd 215 to 252 know it."""
    return _sudo("systemctl", "kill", "-s", "KILL", "--kill-who=main", FLEET_SERVICE)


def start_fleet() -> ChangeCommand:
    """Start fleetd without waiting for systemd's own restart delay."""
    return _sudo("systemctl", "start", "--no-block", FLEET_SERVICE)


def _remove(folder: str, name: str, kind: str, want: str, token: str) -> ChangeCommand:
    argv = ("fleettui-remove", folder, _name(name), kind, want, QUARANTINE, token)
    return _sudo("sh", "-c", REMOVE_SCRIPT, *argv)


def _sudo(*argv: str) -> ChangeCommand:
    return ChangeCommand(("sudo", "-n", *argv))


def _name(name: str) -> str:
    why = refusal(name)
    if why is not None:
        raise ValueError(f"no command is made for unit {name!r}: {why}")
    return name


def _folder(folder: str) -> str:
    if folder not in {FLEET_UNITS, SYSTEMD_UNITS}:
        raise ValueError(f"no command is made for folder {folder!r}")
    return folder
