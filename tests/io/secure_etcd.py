"""Real etcd behind TLS, a client certificate or a password, for tests."""

import base64
import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from certificates import Pair
from faults.etcd_servers import PREFIX, RealEtcd

ROOT = "root-password"


@dataclass(frozen=True)
class Tls:
    """What a server shows, whom its clients may believe, and what they must show."""

    server: Pair
    ca_file: Path
    client: Pair
    """For the test's own requests."""
    wants_client: bool = False


class SecureEtcd(RealEtcd):
    """One member; without `tls` it speaks plain HTTP."""

    def __init__(self, tls: Tls | None = None) -> None:
        self._tls = tls
        self._password = ""
        super().__init__()

    @property
    def endpoint(self) -> str:
        return super().endpoint.replace("http:", "https:" if self._tls else "http:")

    @property
    def port(self) -> int:
        return int(urlsplit(self.endpoint).port or 0)

    def require_login(self, user: str, password: str) -> None:
        """From now on only `user` may read fleet's keys, and only root may write."""
        self._password = ROOT
        self._ask("PUT", "/v2/auth/users/root", {"user": "root", "password": ROOT})
        may = {"read": ["/_coreos.com/fleet*", "/fleettui*"], "write": []}
        role = {"role": "looker", "permissions": {"kv": may}}
        self._ask("PUT", "/v2/auth/roles/looker", role)
        name = {"user": user, "password": password, "roles": ["looker"]}
        self._ask("PUT", f"/v2/auth/users/{user}", name)
        self._ask("PUT", "/v2/auth/users/nobody", {"user": "nobody", "password": "nothing"})
        self._ask("PUT", "/v2/auth/enable")
        self._ask("DELETE", "/v2/auth/roles/guest")

    def _ask(self, method: str, path: str, body: object = None) -> None:
        connection = self._connection()
        try:
            text = "" if body is None else json.dumps(body)
            connection.request(method, path, text, {**self._login(), "Content-Type": "text/json"})
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status in {200, 201}, f"{method} {path}: {answer.status} {said!r}"
        finally:
            connection.close()

    def put(self, key: str, value: str, **more: str) -> int:
        """Set a key below fleet's prefix; its index."""
        connection = self._connection()
        try:
            headers = {**self._login(), "Content-Type": "application/x-www-form-urlencoded"}
            connection.request("PUT", f"/v2/keys{PREFIX}/{key}", f"value={value}", headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status in {200, 201}, f"{key}: {answer.status}"
            return int(answer.headers["X-Etcd-Index"])
        finally:
            connection.close()

    def _login(self) -> dict[str, str]:
        if not self._password:
            return {}
        pair = base64.b64encode(f"root:{self._password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        context = ssl.create_default_context(cafile=str(self._tls.ca_file))
        context.load_cert_chain(self._tls.client.certificate, self._tls.client.key)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)

    def _answers(self) -> bool:
        connection = self._connection()
        try:
            connection.request("GET", "/v2/keys/", headers=self._login())
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _argv(self) -> tuple[str, ...]:
        if self._tls is None:
            return super()._argv()
        wants = ("--client-cert-auth", f"--trusted-ca-file={self._tls.ca_file}")
        pair = self._tls.server
        mine = (f"--cert-file={pair.certificate}", f"--key-file={pair.key}")
        return (*super()._argv(), *mine, *(wants if self._tls.wants_client else ()))
