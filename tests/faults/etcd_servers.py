"""Real etcd for tests, one member or three, and the few requests a test makes of it by itself."""

import http.client
from urllib.parse import quote, urlencode, urlsplit

from fleettui.demo.etcd import Etcd, free_port

PREFIX = "/_coreos.com/fleet"


class RealEtcd(Etcd):
    """One member of the demo's kind, with the few writes that a test makes by itself."""

    def put(self, key: str, value: str, **more: str) -> int:
        """Set a key below fleet's prefix; its index."""
        return self._change("PUT", key, urlencode({"value": value, **more}))

    def delete(self, key: str, **more: str) -> int:
        return self._change("DELETE", f"{key}?{urlencode(more)}" if more else key, "")

    def _change(self, method: str, key: str, form: str) -> int:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=10)
        name, _, query = key.partition("?") if method == "DELETE" else (key, "", "")
        path = f"/v2/keys{PREFIX}/{quote(name)}{'?' if query else ''}{query}"
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request(method, path, form, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status in {200, 201}, f"{method} {path}: {answer.status}"
            return int(answer.headers["X-Etcd-Index"])
        finally:
            connection.close()


class Member(RealEtcd):
    """One of several that need a majority."""

    def __init__(
        self, name: str, peers: dict[str, int], *taken: int, client: int | None = None
    ) -> None:
        """With the port `client` it joins members that are there already."""
        self._name = name
        self._peers = peers
        self._joins = client
        super().__init__(*peers.values(), *taken)
        self._client = client or self._client

    def successor(self) -> "Member":
        """A new member in this one's place, at its address and with nothing of what it had."""
        name = f"{self._name}-anew"
        others = {n: port for n, port in self._peers.items() if n != self._name}
        peers = {**others, name: self._peers[self._name]}
        return Member(name, peers, client=urlsplit(self.endpoint).port)

    @staticmethod
    def three() -> "tuple[Member, ...]":
        """Three that nobody began yet, each of whose ports is another."""
        peers: dict[str, int] = {}
        for number in range(3):
            peers[f"m{number}"] = free_port("127.0.0.1", *peers.values())
        members: list[Member] = []
        for name in peers:
            members.append(Member(name, peers, *(member._client for member in members)))
        return tuple(members)

    @property
    def peer_url(self) -> str:
        return f"http://127.0.0.1:{self._peers[self._name]}"

    @property
    def endpoint(self) -> str:
        return super().endpoint if self._joins is None else f"http://127.0.0.1:{self._joins}"

    def _argv(self) -> tuple[str, ...]:
        urls = {name: f"http://127.0.0.1:{port}" for name, port in self._peers.items()}
        mine = urls[self._name]
        changed = {
            "--name": self._name,
            "--listen-peer-urls": mine,
            "--initial-advertise-peer-urls": mine,
            "--initial-cluster-state": "new" if self._joins is None else "existing",
            "--initial-cluster": ",".join(f"{name}={url}" for name, url in urls.items()),
        }
        program, *options = super()._argv()
        names = [option.partition("=")[0] for option in options]
        kept = [o for o, name in zip(options, names, strict=True) if name not in changed]
        return (program, *kept, *(f"{name}={value}" for name, value in changed.items()))
