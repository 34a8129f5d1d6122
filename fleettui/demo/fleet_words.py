"""What fleetd says in the journal, in the words and from the source lines of each release."""

import re
from collections.abc import Callable

RELEASES = ((0, 8), (0, 9), (0, 10), (0, 11), (0, 12), (0, 13), (1, 0))

# Where each message stands in fleet's source, one column a release ("-": not said by that one).
_PLACES = {
    row.split()[0]: row.split()[1:]
    for row in """
starting        fleetd.go       -    58   56   64   75   75   75
config          fleetd.go       137  155  153  163  196  196  201
reconfiguring   fleetd.go       71   89   87   97   111  111  116
restarting      fleetd.go       78   96   94   104  121  121  126
terminating     fleetd.go       89   107  105  115  141  141  146
connecting      server.go       137  153  152  160  173  175  206
restarted       server.go       -    -    -    -    240  252  283
registered      server.go       -    -    -    -    -    188  219
beaten          server.go       -    -    -    -    -    182  213
not-registered  server.go       -    -    -    -    -    192  223
components      server.go       148  164  163  171  186  198  229
told            server.go       -    -    -    -    223  235  266
monitor         server.go       169  185  184  192  225  237  268
watcher         event.go        91   107  105  106  106  106  106
response        client.go       278  291  292  -    -    -    -
result          client.go       200  213  214  -    -    -    -
bad-unit        job.go          95   111  109  108  124  126  126
no-unit         job.go          253  274  272  268  284  276  276
no-hash         job.go          -    -    -    -    114  116  116
generator       generator.go    51   67   65   65   65   65   65
no-units        reconcile.go    106  122  120  120  120  120  120
no-desired      reconcile.go    58   75   73   73   73   73   73
no-current      reconcile.go    -    81   79   79   79   79   79
no-purge        reconcile.go    -    94   92   92   92   92   92
agent-task      reconcile.go    274  332  330  330  330  330  345
started         manager.go      78   129  127  127  127  127  140
not-started     manager.go      80   131  129  129  129  129  137
stopped         manager.go      89   140  138  138  138  138  152
not-stopped     manager.go      91   142  140  140  140  140  149
reload          manager.go      142  184  182  182  182  182  194
writing         manager.go      218  248  246  246  246  246  268
removing        manager.go      231  261  259  259  259  259  290
engine-version  engine.go       123  160  159  159  159  161  179
no-engine-ver   engine.go       113  150  149  149  149  151  169
no-lessee       engine.go       135  172  171  171  171  173  191
not-acquired    engine.go       143  180  179  179  179  181  199
acquired        engine.go       149  186  185  185  185  187  205
leader          engine.go       -    80   79   79   79   80   97
leader-change   engine.go       -    82   81   81   81   82   99
lease-lost      engine.go       181  218  217  217  217  221  239
engine-units    engine.go       196  233  232  232  232  236  250
unscheduled     engine.go       220  257  256  256  256  260  274
scheduled       engine.go       235  272  271  271  271  275  289
engine-task     reconciler.go   147  163  161  161  161  178  233
""".strip().splitlines()
}


class Log:
    """Says things as one release of fleet does: level, file and line before the message."""

    def __init__(
        self, version: str, say: Callable[[str], None], prefix: str = "/_coreos.com/fleet"
    ) -> None:
        found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
        release = (int(found[1]), int(found[2])) if found else (0, 11)
        self.release = max((r for r in RELEASES if r <= release), default=RELEASES[0])
        self.reloads = release != (0, 9) or (found is not None and int(found[3] or 0) >= 2)
        """Whether this release has systemd reload after a unit file was written. 0.9.0 and 0.9.1
        ask systemd first, which says no for a file that it has never read (systemd/manager.go)."""
        self.prefix = prefix
        """fleet's key prefix, as some messages name it."""
        self._say = say

    def __call__(self, place: str, message: str, level: str = "INFO") -> None:
        file, *lines = _PLACES[place]
        line = lines[RELEASES.index(self.release)]
        if file == "fleetd.go" and self.release < (0, 11):
            file = "fleet.go"
        if line != "-":
            self._say(f"{level} {file}:{line}: {message}")

    def error(self, place: str, message: str) -> None:
        """The same as an ERROR."""
        self(place, message, "ERROR")
