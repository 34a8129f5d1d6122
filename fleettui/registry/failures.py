"""Why a request to etcd came to nothing, in words: from urllib3's exceptions to ours."""

import ssl
from http.client import RemoteDisconnected

from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from fleettui.access import RegistryUnavailable
from fleettui.registry.errors import (
    NotEtcd,
    NoTls,
    NotSent,
    Silent,
    TlsBroken,
    Unreachable,
    WantsTls,
    quote,
)
from fleettui.registry.tls import is_refusal, no_tls, refusal_of
from fleettui.registry.transport import CONNECT_SECONDS, AnswerTooLarge, HandshakeCut
from fleettui.registry.way import Way

_A_TLS_ALERT = "\\x15\\x03"
"""How http.client quotes what a TLS server says to a plain request."""


def failure_of(url: str, cause: Exception, seconds: float, way: Way) -> RegistryUnavailable:
    """What a caller is to raise for a request of `seconds` that ended in `cause`."""
    if isinstance(cause, MaxRetryError) and cause.reason is not None:
        cause = cause.reason
    if isinstance(cause, AnswerTooLarge):
        return NotEtcd(f"{url} answers without end: {cause}. Is this etcd?")
    if isinstance(cause, SSLError):
        origin = next((a for a in cause.args if isinstance(a, ssl.SSLError)), cause)
        words = refusal_of(url, origin, way)
        return NoTls(words) if is_refusal(origin) else TlsBroken(words)
    if isinstance(cause, ConnectTimeoutError):
        return NotSent(
            f"{url} cannot be reached: {_words(cause, seconds)}. Is etcd running there, "
            "and is this the right --endpoint?"
        )
    if any(isinstance(argument, HandshakeCut) for argument in cause.args):
        return NoTls(no_tls(url))
    if _A_TLS_ALERT in str(cause):
        return WantsTls(f"{url} speaks TLS. Give it as https://{url.partition('://')[2]}.")
    kind = Silent if isinstance(cause, ReadTimeoutError) else Unreachable
    return kind(f"{url} does not answer: {_words(cause, seconds)}. {_advice(url, cause, way)}")


def _advice(url: str, cause: Exception, way: Way) -> str:
    """What to look at: servers may just hang up on what they do not take."""
    if not any(isinstance(a, ConnectionResetError | RemoteDisconnected) for a in cause.args):
        return "Look at etcd."
    scheme, _, place = url.partition("://")
    if scheme == "http":
        return f"Does it speak TLS? Then give it as https://{place}; else look at etcd."
    if way.cert_file is None:
        return "It may demand a client certificate: --cert-file and --key-file."
    return f"It may refuse the client certificate of {way.cert_file}. Look at etcd."


def _words(cause: Exception, seconds: float) -> str:
    if isinstance(cause, ReadTimeoutError):
        return f"nothing came within {seconds:g} s"
    origin = cause.__cause__ or cause.__context__ or cause.args[-1]
    if isinstance(origin, OSError) and origin.strerror:
        return quote(origin.strerror.lower())
    if isinstance(cause, ConnectTimeoutError) and not isinstance(cause, NewConnectionError):
        return f"no connection within {min(seconds, CONNECT_SECONDS):g} s"
    return quote(str(origin))
