"""The shell functions that a repair's script is made of; each script holds those it calls.

POSIX sh; of the tools of an operator's machine they need curl, ssh, sed, grep, tail and date.
"""

import re

_FUNCTIONS = (
    r"""
say() { printf '%s\n' "$*"; }
""",
    r"""
stop() {
  printf '\nSTOPPED: %s\n' "$*" >&2
  printf 'What was done until here stays done. Run again, this goes on where it stopped.\n' >&2
  exit 1
}
""",
    r"""
# wait_for SECONDS WHAT COMMAND...: look once a second until the command succeeds.
wait_for() {
  deadline=$(($(date +%s) + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$(date +%s)" -lt "$deadline" ] || stop "not in time: $what"
    sleep 1
  done
  say "   read back: $what"
}
""",
    r"""
# etcd METHOD KEY...: etcd's answer to one request, and its HTTP status on a line of its own.
etcd() {
  method=$1 key=$2
  shift 2
  curl -q -sS --max-time 10 -X "$method" -w '\n%{http_code}' "$@" "$etcd/v2/keys$key"
}
""",
    r"""
# look KEY: read a key through the quorum. Sets answer, and status: 200, or 404 for none.
look() {
  answer=$(etcd GET "$1" -G --data-urlencode quorum=true) || return 1
  status=$(printf '%s\n' "$answer" | tail -n 1)
  case $status in 200 | 404) ;; *) return 1 ;; esac
}
""",
    r"""
# value, index: of the key that was looked at.
value() { printf '%s\n' "$answer" | sed -n 's/.*"value":"\([^"]*\)".*/\1/p'; }
""",
    r"""
index() { printf '%s\n' "$answer" | sed -n 's/.*"modifiedIndex":\([0-9]*\).*/\1/p'; }
""",
    r"""
read_key() { look "$1" || stop "etcd could not be read: $answer"; }
""",
    r"""
has_value() { look "$1" && [ "$status" = 200 ] && [ "$(value)" = "$2" ]; }
""",
    r"""
is_there() { look "$1" && [ "$status" = 200 ]; }
""",
    r"""
is_gone() { look "$1" && [ "$status" = 404 ]; }
""",
    r"""
# is_written KEY: it was written since $since.
is_written() { look "$1" && [ "$status" = 200 ] && [ "$(index)" -gt "$since" ]; }
""",
    r"""
# is_unreported FOLDER: no machine has a state of the unit.
is_unreported() {
  look "$1" && case $answer in *'"value":'*) return 1 ;; esac
}
""",
    r"""
# write METHOD KEY...: one request that changes something. It is sent once.
write() {
  answer=$(etcd "$@") || stop "etcd gave no answer, so it may have done it or not: $answer"
  case $(printf '%s\n' "$answer" | tail -n 1) in
    200 | 201) ;;
    3* | 4*) stop "etcd refused, and nothing was changed: $answer" ;;
    *) stop "etcd failed, so it may have done it or not: $answer" ;;
  esac
}
""",
    r"""
sha256() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}
""",
    r"""
# removed ANSWER: what the machine said; it is "refused" and why, or what was done.
removed() {
  if printf '%s\n' "$1" | grep -qx refused; then stop "the machine refused: $1"; fi
  printf '%s\n' "$1" | grep -qx -e removed -e absent || stop "the machine said nothing known: $1"
  say "   the machine says: $(printf '%s\n' "$1" | tr '\n' ' ')"
}
""",
    r"""
# shown PROPERTY: its value, out of what systemctl show printed.
shown() { sed -n "s/^$1=//p"; }
""",
    r"""
main_pid() {
  on_machine <<'COMMAND' | shown MainPID
systemctl show -p MainPID -- fleet.service
COMMAND
}
""",
    r"""
is_active() {
  on_machine <<'COMMAND' | grep -qx ActiveState=active
systemctl show -p ActiveState -- fleet.service
COMMAND
}
""",
    r"""
is_other_process() { pid=$(main_pid) && [ -n "$pid" ] && [ "$pid" != "$old_pid" ]; }
""",
    r"""
is_new_process() { is_other_process && [ "$pid" != 0 ] && is_active; }
""",
    r"""
# now_index KEY: etcd's index; whatever is written from now on has a greater one.
now_index() {
  curl -q -sS --max-time 10 -D - -o /dev/null "$etcd/v2/keys$1" |
    sed -n 's/^[Xx]-[Ee]tcd-[Ii]ndex: *\([0-9]*\).*/\1/p'
}
""",
    r"""
# says NAME: a word of the state in $answer, which is JSON within JSON.
says() {
  printf '%s\n' "$answer" | sed -n 's/.*\\"'"$1"'\\":\\"\([^\\]*\)\\".*/\1/p'
}
""",
    r"""
# is_true KEY COMMAND: the state was written since $since, and says what systemd says.
is_true() {
  systemd=$(printf '%s\n' "$2" | on_machine) || return 1
  is_written "$1" || return 1
  active=$(printf '%s\n' "$systemd" | shown ActiveState)
  sub=$(printf '%s\n' "$systemd" | shown SubState)
  [ -n "$active" ] && [ "$(says activeState) $(says subState)" = "$active $sub" ]
}
""",
    r"""
# is_elsewhere FOLDER TARGET: the engine sent the unit to another machine, and it is active there.
is_elsewhere() {
  look "$2" && [ "$status" = 200 ] || return 1
  target=$(value)
  case $target in "" | "$machine" | *[!0-9A-Za-z]*) return 1 ;; esac
  is_written "$1/$target" && [ "$(says activeState)" = active ]
}
""",
    r"""
is_true_or_elsewhere() { is_true "$1" "$2" || is_elsewhere "${1%/*}" "$3"; }
""",
)
_NAME = re.compile(r"^(\w+)\(\)", re.MULTILINE)


def functions_for(body: str) -> str:
    """The functions that `body` calls, and those that these call, in an order that works."""
    chosen: list[str] = []
    for function in reversed(_FUNCTIONS):
        name = _NAME.search(function)
        if name and re.search(rf"\b{name[1]}\b", "\n".join((body, *chosen))):
            chosen.insert(0, function)
    return "".join(chosen)
