"""Failures of SSH in plain sentences."""

import errno
import socket

import asyncssh
from asyncssh.constants import OPEN_ADMINISTRATIVELY_PROHIBITED

from fleettui.hosts.text import last_words
from fleettui.model.hop import Hop


def connecting_failed(exc: Exception, where: str, who: str, seconds: float) -> str:
    """Why no connection came about in `seconds`, which the login may take once more.

    `who` says as whom and with which keys it was tried.
    """
    match exc:
        case TimeoutError():
            return f"{where} does not answer (waited {seconds:g} s)"
        case asyncssh.PermissionDenied():
            return f"{where} refused the login: {who}"
        case asyncssh.KeyExchangeFailed():
            return f"{where} and fleettui have no way to talk in common: {_reason(exc)}"
        case asyncssh.ConnectionLost() if "Login timeout" in exc.reason:
            return f"{where} did not finish the login in {seconds:g} s"
        case asyncssh.ProtocolNotSupported() | asyncssh.ProtocolError():
            return f"what answers at {where} does not speak SSH as we know it: {_reason(exc)}"
        case asyncssh.KeyEncryptionError() | asyncssh.KeyImportError():
            return f"a private key cannot be used ({_reason(exc)}): add it to ssh-agent instead"
        case asyncssh.ChannelOpenError():
            return f"the host before it cannot reach {where}: {_reason(exc)}"
        case asyncssh.Error():
            return f"the connection to {where} broke off: {_reason(exc)}"
        case OSError():
            return _no_network(exc, where)
        case _:
            return f"the connection to {where} cannot be set up: {last_words(str(exc).encode())}"


def failed_at(exc: Exception) -> Hop:
    """How far a connection came that did not come about."""
    match exc:
        case (
            asyncssh.PermissionDenied() | asyncssh.KeyEncryptionError() | asyncssh.KeyImportError()
        ):
            return Hop.LOGIN
        case asyncssh.HostKeyNotVerifiable():
            return Hop.HOST_KEY
        case asyncssh.ConnectionLost() if "Login timeout" in exc.reason:
            return Hop.LOGIN
        case _:
            return Hop.PORT


def connection_broke(exc: Exception | None, where: str) -> str:
    """Why a connection that was there is gone."""
    if exc is None:
        return f"the connection to {where} was closed"
    reason = _reason(exc)
    return (
        f"the connection to {where} was lost{'' if reason == 'Connection lost' else f': {reason}'}"
    )


def session_refused(exc: asyncssh.ChannelOpenError, where: str) -> str:
    """Why a machine that is connected runs nothing for us."""
    return f"{where} takes no command on this connection: {_reason(exc)}"


def forwarding_refused(exc: asyncssh.ChannelOpenError, where: str) -> str:
    """Why a host that is connected does not connect us further."""
    if exc.code == OPEN_ADMINISTRATIVELY_PROHIBITED:
        return (
            f"{where} forwards nothing for us: AllowTcpForwarding or PermitOpen of its sshd, or a "
            "restriction of the key, forbids it"
        )
    return f"as seen from {where}: {_reason(exc)}"


def _no_network(exc: OSError, where: str) -> str:
    if isinstance(exc, ConnectionRefusedError) or exc.errno == errno.ECONNREFUSED:
        return f"{where} refuses connections: does sshd run there?"
    if isinstance(exc, socket.gaierror):
        return f"the name in {where} cannot be resolved: {exc.strerror}"
    if exc.filename is not None:
        return f"{exc.filename} cannot be read: {exc.strerror}"
    return f"{where} cannot be reached: {exc.strerror or last_words(str(exc).encode())}"


def _reason(exc: Exception) -> str:
    said = exc.reason if isinstance(exc, asyncssh.DisconnectError) else str(exc)
    return last_words(said.encode("utf-8", "backslashreplace")) or type(exc).__name__
