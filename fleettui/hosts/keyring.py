"""Private keys that are locked with a passphrase: found, asked about once, unlocked in memory."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import asyncssh

from fleettui.access import HostUnreachable, SecretAsker, SecretQuestion
from fleettui.model.hop import Hop

ATTEMPTS = 3
"""Times that a passphrase is asked for, as ssh does."""
USUAL = ("id_ed25519_sk", "id_ecdsa_sk", "id_ed25519", "id_ecdsa", "id_rsa")
"""The files of ~/.ssh that are tried where nobody names any."""


class LockedKey(Exception):
    """A login failed that this key, once unlocked, may make good."""

    def __init__(self, file: Path, refusal: str) -> None:
        super().__init__(refusal)
        self.file = file


class Keyring:
    """The keys unlocked in this session. A passphrase is forgotten as soon as it was tried."""

    def __init__(self, one_question: asyncio.Lock) -> None:
        self._one_question = one_question
        self._unlocked: dict[Path, list[asyncssh.SSHKeyPair]] = {}
        self._declined: set[Path] = set()
        self._asker: SecretAsker | None = None

    def ask_with(self, asker: SecretAsker) -> None:
        """Take questions to `asker` from now on; until then, locked keys stay locked."""
        self._asker = asker

    def unlocked(self, files: Sequence[Path]) -> list[asyncssh.SSHKeyPair]:
        """Those of `files` that were unlocked, with their certificates."""
        return [pair for file in files for pair in self._unlocked.get(file, ())]

    def locked(self, files: Sequence[Path]) -> Path | None:
        """The first of `files` that a passphrase would still unlock."""
        closed = (f for f in files if f not in self._unlocked and _is_locked(f))
        return next(closed, None)

    async def unlock(self, locked: LockedKey) -> None:
        """Ask for the passphrase of a key, at most three times. One question at a time.

        Raises HostUnreachable with why the login failed, where nobody gives the right one.
        """
        file = locked.file
        async with self._one_question:
            if file in self._unlocked:
                return
            if self._asker is None:
                raise HostUnreachable(
                    f"{locked}. {file} is locked with a passphrase, and nobody can be asked for it "
                    f"here: ssh-add {file} first",
                    Hop.LOGIN,
                )
            if file in self._declined or not await self._ask(file, self._asker):
                self._declined.add(file)
                raise HostUnreachable(
                    f"{locked}. {file} stays locked: no passphrase was given", Hop.LOGIN
                )

    async def _ask(self, file: Path, asker: SecretAsker) -> bool:
        why = ""
        for _ in range(ATTEMPTS):
            given = await asker(SecretQuestion(f"Passphrase of the private key {file}", why))
            if given is None:
                return False
            try:
                pairs = await asyncio.to_thread(
                    asyncssh.load_keypairs, str(file), passphrase=given.reveal()
                )
            except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError):
                why = "That passphrase is wrong."
            else:
                self._unlocked[file] = list(pairs)
                return True
        return False


def identity_files(
    named: Sequence[Path], options: asyncssh.SSHClientConnectionOptions
) -> tuple[Path, ...]:
    """The private keys that may be tried: those of the settings, of the SSH configuration, or the
    usual ones.
    """
    configured = [Path(name) for name in cast("list[str]", options.config.get("IdentityFile", []))]
    usual = [Path("~/.ssh", name) for name in USUAL]
    return tuple(path.expanduser() for path in (named or configured or usual))


def _is_locked(file: Path) -> bool:
    try:
        asyncssh.read_private_key(str(file))
    except asyncssh.KeyImportError as error:
        return str(error).startswith("Passphrase")
    except (OSError, ValueError):
        return False
    return False
