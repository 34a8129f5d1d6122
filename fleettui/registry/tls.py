"""The TLS of connections to etcd: its context, and what went wrong with it in words."""

import ssl
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from fleettui.registry.errors import NoWay, quote
from fleettui.registry.way import Way

_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64
_UNKNOWN_AUTHORITY = {18, 19, 20, 21}
"""OpenSSL's X509_V_ERR codes: self-signed, in the chain too, no issuer, no first issuer."""
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"}
_WANTS_CERTIFICATE = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
}
_TOO_OLD = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"}


def context_for(way: Way) -> ssl.SSLContext:
    """A context of these files as they are now. Raises NoWay where one is of no use."""
    files = (way.ca_file, way.cert_file, way.key_file)
    return _context(*files, tuple(map(_stamp, files)))


@lru_cache(maxsize=4)
def _context(
    ca_file: Path | None, cert_file: Path | None, key_file: Path | None, _: tuple[object, ...]
) -> ssl.SSLContext:
    """Made anew only when a file was: reading the system's authorities takes its time."""
    context = _trusting(ca_file)
    # Clusters of 2015 have authorities without the extensions that newer Pythons insist on.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cert_file is not None:
        _present(context, cert_file, key_file or cert_file)
    return context


def _stamp(file: Path | None) -> tuple[int, ...]:
    """What changes when a file is renewed."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found is not None else ()


def is_refusal(error: Exception) -> bool:
    """Whether it came to no TLS at all, so that nothing was asked or written."""
    reason = str(getattr(error, "reason", ""))
    is_alert = "ALERT" in reason
    return isinstance(error, ssl.SSLCertVerificationError) or is_alert or reason in _NO_TLS


def refusal_of(url: str, error: Exception, way: Way) -> str:
    """Why TLS with `url` did not come about, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrust(url, error, way)
    reason = getattr(error, "reason", None) or str(error)
    if reason in _NO_TLS:
        return no_tls(url)
    if reason in _TOO_OLD:
        return f"{url} speaks only a TLS older than 1.2, which is not safe. Update etcd there."
    alert = str(reason).partition("ALERT_")[2].replace("_", " ").lower()
    if way.cert_file is None and reason in _WANTS_CERTIFICATE:
        return f"{url} demands a client certificate. Give one with --cert-file and --key-file."
    if alert and way.cert_file is not None:
        return (
            f"{url} refuses the client certificate of {way.cert_file} ({alert}). It must be valid "
            "today and signed by the authority that etcd was given."
        )
    return f"no TLS with {url} came about: {quote(str(reason).lower().replace('_', ' '))}."


def no_tls(url: str) -> str:
    """What answers an https endpoint in no TLS."""
    return f"{url} does not speak TLS. Give it as http://{urlsplit(url).netloc}, or look there."


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError as error:
        raise NoWay(f"{ca_file} holds no certificate of an authority (PEM): --ca-file") from error
    except OSError as error:
        raise NoWay(f"{ca_file} cannot be read ({error.strerror}): --ca-file") from error


def _present(context: ssl.SSLContext, cert_file: Path, key_file: Path) -> None:
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
    except _Locked as locked:
        raise NoWay(
            f"the key {key_file} is locked with a passphrase, which etcd's own tools do not take "
            "either. Give an unlocked copy with --key-file."
        ) from locked
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise NoWay(f"{key_file} is not the key of the certificate {cert_file}.") from error
        raise NoWay(
            f"{cert_file} and {key_file} are no certificate and key (PEM): "
            f"{quote((error.reason or str(error)).lower().replace('_', ' '))}."
        ) from error
    except OSError as error:
        unread = next((f for f in (cert_file, key_file) if not f.is_file()), key_file)
        raise NoWay(f"{unread} cannot be read: {error.strerror}.") from error


class _Locked(Exception):
    """OpenSSL would ask for a passphrase on the terminal, which is the screen's."""


def _no_passphrase() -> str:
    raise _Locked


def _distrust(url: str, error: ssl.SSLCertVerificationError, way: Way) -> str:
    code, host = error.verify_code, urlsplit(url).hostname
    if code == _EXPIRED:
        return f"the certificate of {url} has expired. Renew it there, or look at the clock here."
    if code == _NOT_YET:
        return f"the certificate of {url} is not valid yet. Look at the clocks, here and there."
    if code in {_OTHER_NAME, _OTHER_ADDRESS}:
        return (
            f"the certificate of {url} is not made for {host}. Give the endpoint by a name or an "
            "address that stands in it as a subject alternative name."
        )
    if code in _UNKNOWN_AUTHORITY:
        known = f"the authority of {way.ca_file}" if way.ca_file else "one that is known here"
        return f"the certificate of {url} is not signed by {known}. Give its authority: --ca-file."
    return f"the certificate of {url} is not accepted: {quote(error.verify_message)}."
