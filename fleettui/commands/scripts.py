"""The constant scripts that machines are sent; what varies travels as their arguments.

POSIX sh, for the coreutils and the shells of 2014 and later: dash, bash, busybox.
"""

_READERS = "*' root '* | *' systemd-journal '* | *' adm '* | *' wheel '*"
"""Groups whose members see everybody's journal, as a pattern of the shell."""

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
  -p NeedDaemonReload -p Job -p FragmentPath -p ActiveEnterTimestampMonotonic \
  -p InactiveEnterTimestampMonotonic -- "$@" 2>&1)"
text=$(journalctl -u fleet.service -o json --no-pager "$span" 2>&1 | tail -n 5000)
case $text in
  *'{'*) ;;
  *) case " $(id -Gn 2>/dev/null) " in
    MAY_READ_THE_JOURNAL) ;;
    *) text="fleettui: in no group that may read the journal
$text" ;;
  esac ;;
esac
say journal "$text"
say end
""".replace("MAY_READ_THE_JOURNAL", _READERS)
"""One round trip of facts. NUL-terminated fields: a header of five, then tagged groups of
`folder PATH REALPATH`, `entry NAME TYPE SIZE MODE LINKS TARGET` (find's %y: f, l, d, ...),
`sha256 NAME HEX`, `missing PATH WHY`, `version TEXT` (what fleetd says of itself),
`services TEXT` (systemctl show, blank line between units),
`journal TEXT` (JSON lines, or what journalctl said instead; journalctl often shows nothing at all,
without a word, to somebody who may not read) and a closing `end`: an answer
without it was cut. Units to show are the arguments and whatever FLEET_UNITS holds; templates are
left out, because systemctl refuses them."""

JOURNAL_SCRIPT = r"""
TZ=UTC; export TZ
case " $(id -Gn 2>/dev/null) " in
  MAY_READ_THE_JOURNAL) ;;
  *) echo 'fleettui: in no group that may read the journal' >&2 ;;
esac
exec 3<&0
journalctl "$@" & tail=$!
{ cat <&3; kill "$tail"; } >/dev/null 2>&1 & watch=$!
wait "$tail"; status=$?
kill "$watch" 2>/dev/null
exit "$status"
""".replace("MAY_READ_THE_JOURNAL", _READERS)
"""journalctl with a watchdog: it ends when our end of its standard input closes, whatever the
reason. Without one a followed journal outlives its connection for as long as the unit is silent.
Times among its arguments are UTC, wherever the machine stands. It says who may not read, because
journalctl shows somebody who has lines of his own those alone, and often without a word."""

COPY_SCRIPT = r"""
LC_ALL=C; export LC_ALL
case $2 in */*) exit 3 ;; esac
cd -P -- "$1" && [ "$(pwd -P)" = "$1" ] && [ -f "./$2" ] && [ ! -L "./$2" ] || exit 3
stat -c '%a %u %g %h %s' -- "./$2" && cat -- "./$2"
"""
"""The bytes of a regular file after one line of `mode uid gid links size` (mode octal); exit 3
where it is none."""

FENCE_VARIABLE = "FLEETTUI_FENCE"
"""Set by the forced command of an observer's key for what it runs, to the name of the fence."""

RIGHTS_SCRIPT = rf"""
LC_ALL=C; export LC_ALL
printf '%s\0' fleettui-rights-1 "$(id -un)" "$(id -Gn)" "${{{FENCE_VARIABLE}-}}" end
"""
"""Who logs in, in which groups, behind which fence; all of it is only looked at."""

IMAGES_SCRIPT = r"""
LC_ALL=C; export LC_ALL
say() { printf '%s\0' "$@"; }
list() {
  command -v "$1" >/dev/null 2>&1 || return
  text=$(timeout 8 "$@" 2>&1); say "$1" "$?" "$text"
}
say fleettui-images-1
list docker images
list podman images
list rkt image list --no-legend --full
say end
"""
"""The container images of a machine, as far as the user may see them. NUL-terminated fields:
for each program that is there its name, its exit status and what it said; then `end`. The whole
lists, because docker before 1.9 shows nothing when asked for one image with its tag."""

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
put_back() {
  if [ -d "$kept" ] && [ ! -L "$kept" ]; then mv -T -- "$kept" "./$name"
  else ln -T -- "$kept" "./$name" && rm -f -- "$kept"; fi 2>/dev/null
}
case $name in */*) answer refused "$name leads out of $dir" ;; esac
cd -P -- "$dir" 2>/dev/null || answer refused "cannot enter $dir"
[ "$(pwd -P)" = "$dir" ] || answer refused "$dir is really $(pwd -P)"
[ -e "./$name" ] || [ -L "./$name" ] || answer absent
is=$(look "./$name")
[ "$is" = as-expected ] || answer refused "$dir/$name is $is"
said=$(mkdir -p -- "$quarantine" 2>&1) || answer refused "cannot make $quarantine: $said"
[ "$(stat -c %d .)" = "$(stat -c %d "$quarantine")" ] ||
  answer refused "$quarantine is on another filesystem"
kept=$quarantine/$token.$kind nth=1
while [ -e "$kept" ] || [ -L "$kept" ]; do
  nth=$((nth + 1)); kept=$quarantine/$token.$nth.$kind
  [ "$nth" -lt 100 ] || answer refused "$kept and all before it are there already"
done
said=$(mv -T -- "./$name" "$kept" 2>&1) || answer refused "could not rename $dir/$name: $said"
is=$(look "$kept")
if [ "$is" != as-expected ]; then
  put_back &&
    answer refused "$dir/$name changed while it was being removed and was put back: it is $is"
  answer refused "$dir/$name changed while it was being removed: it is $is, kept as $kept"
fi
answer removed "$kept"
"""
"""Take one entry out of a unit folder, only if it is still what was looked at. Checked, renamed
into quarantine, checked again, else put back by `ln`, which never replaces anything. Prints
`removed PATH`, `absent` or `refused WHY` on separate lines, and exits 0: another exit status means
that the script itself did not run."""

QUARANTINE_SCRIPT = r"""
LC_ALL=C; export LC_ALL
umask 077
quarantine=$1 token=$2; shift 2
answer() { printf '%s\n' "$@"; exit 0; }
said=$(mkdir -p -- "$quarantine" 2>&1) || answer refused "cannot make $quarantine: $said"
cd -P -- "$quarantine" 2>/dev/null || answer refused "cannot enter $quarantine"
[ "$(pwd -P)" = "$quarantine" ] || answer refused "$quarantine is really $(pwd -P)"
for dir; do
  [ -d "$dir" ] || continue
  [ "$(stat -c %d .)" = "$(stat -c %d "$dir")" ] ||
    answer refused "$quarantine is on another filesystem than $dir"
done
text=$(printf '%04096d' 7)
said=$({ rm -f -- "./$token.probe" && printf %s "$text" > "./$token.probe"; } 2>&1)
is=$(cat -- "./$token.probe" 2>/dev/null)
gone=$(rm -f -- "./$token.probe" 2>&1) || answer refused "cannot remove from $quarantine: $gone"
[ "$is" = "$text" ] || answer refused "cannot write to $quarantine: ${said:-what was read differs}"
answer writable
"""
"""Whether what is removed can be kept: a file of a page is written, read back and removed again.
Prints `writable` or `refused WHY` on separate lines, and exits 0."""

RESTORE_SCRIPT = r"""
LC_ALL=C; export LC_ALL
umask 077
dir=$1 name=$2 kind=$3 want=$4 quarantine=$5 token=$6 mode=$7 owner=$8
new=$quarantine/$token.new
answer() { printf '%s\n' "$@"; exit 0; }
sha() { sha256sum < "$1" | cut -d ' ' -f 1; }
target() { is=$(readlink -- "$1"; echo .); printf %s "${is%??}"; }
inode() { stat -c %d:%i -- "$1"; }
each() {
  for kept in "$quarantine/$token.$kind" "$quarantine/$token".[0-9]."$kind" \
    "$quarantine/$token".[0-9][0-9]."$kind" "$new"; do
    is_wanted "$kept" && "$@" "$kept"
  done
}
use() { [ -n "$from" ] || from=$1; }
drop() {
  [ -L "$1" ] || [ "$(inode "$1")" = "$(inode "./$name")" ] || return
  rm -f -- "$1" || answer refused "cannot remove $1"
}
is_wanted() {
  case $kind in
    link) [ -L "$1" ] && [ "$(target "$1"; echo .)" = "$want." ] ;;
    file) [ ! -L "$1" ] && [ -f "$1" ] && [ "$(sha "$1")" = "$want" ] ;;
    *) return 1 ;;
  esac
}
case $name in */*) answer refused "$name leads out of $dir" ;; esac
cd -P -- "$dir" 2>/dev/null || answer refused "cannot enter $dir"
[ "$(pwd -P)" = "$dir" ] || answer refused "$dir is really $(pwd -P)"
is_wanted "./$name" && { each drop; answer present; }
if [ -e "./$name" ] || [ -L "./$name" ]; then answer refused "another $dir/$name is there"; fi
case $kind in
  link)
    said=$(ln -s -T -- "$want" "./$name" 2>&1) ||
      answer refused "could not make $dir/$name: $said" ;;
  file)
    from=; each use
    if [ -z "$from" ]; then
      said=$(mkdir -p -- "$quarantine" 2>&1) || answer refused "cannot make $quarantine: $said"
      from=$new
      rm -f -- "$new"; said=$({ cat > "$new"; } 2>&1)
      is_wanted "$new" || {
        rm -f -- "$new"
        answer refused "nothing in $quarantine nor what was sent has sha256 $want${said:+: $said}"
      }
    fi
    said=$({ chown -- "$owner" "$from" && chmod -- "$mode" "$from"; } 2>&1) ||
      answer refused "could not set mode and owner of $from: $said"
    said=$(ln -T -- "$from" "./$name" 2>&1) ||
      answer refused "could not link $from to $dir/$name: $said" ;;
  *) answer refused "nothing is known of a $kind" ;;
esac
is_wanted "./$name" || answer refused "$dir/$name changed while it was being restored"
each drop
answer restored
"""
"""Put one entry back into a unit folder, only where nothing is: the file from quarantine where
its bytes are still right, else from standard input; a link made anew. It appears at once and
whole, by `ln`, which never replaces anything. Prints `restored`, `present` (it is there already,
as wanted) or `refused WHY` on separate lines, and exits 0."""
