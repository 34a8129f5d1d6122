"""Things that go wrong, for tests of every area: on the wire, in processes, on disks, in clocks.

- `proxy`: a TCP proxy that stalls, cuts, trickles, corrupts or refuses; `wire`: one that knows
  the streams of etcd
- `etcd_servers`: real etcd, alone or three of them, that is killed, frozen and thawed;
  `fake_etcd`: an HTTP server that answers whatever a test wants
- `sshd`: an SSH server in a process of its own, to be stopped as a hung machine is
- `disks`: small filesystems that fill up
- `clocks`: a clock that is wrong, for the programs that it is loaded into
"""
