"""Root on machines whose sudo wants a password: asked for once, given to sudo's prompt, wiped."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fleettui.access import HostUnreachable, SecretAsker, SecretQuestion
from fleettui.commands import ChangeCommand, Command, asking, sudo_works
from fleettui.hosts.answers import Answer, gather
from fleettui.hosts.line import Line
from fleettui.hosts.process import Block, RemoteProcess
from fleettui.hosts.text import last_words

ATTEMPTS = 3
"""Times that sudo's password is asked for, as sudo does."""
KEPT_SECONDS = 300
"""Passwords that nobody has needed for so long are wiped, and asked for again."""
_PROMPT_SECONDS = 10
"""Who has not asked for a password by then is not given one."""
_TRY_SECONDS = 30
_LIMIT = 64 * 1024
_NOT_FOUND = 127


class SudoPasswords:
    """What sudo takes, by machine. Machines that take the same password are asked about once."""

    def __init__(self, username: str, one_question: asyncio.Lock) -> None:
        self._username = username
        self._one_question = one_question
        self._one_search = asyncio.Lock()
        self._asker: SecretAsker | None = None
        self._newest = bytearray()
        self._by_line: dict[Line, bytearray] = {}
        """Empty: sudo wants none there."""
        self._wiping: asyncio.TimerHandle | None = None

    def ask_with(self, asker: SecretAsker) -> None:
        """Take questions to `asker` from now on; until then nobody is asked."""
        self._asker = asker

    async def for_line(self, line: Line, where: str) -> bytes:
        """What sudo takes at the end of `line`, where it was tried; empty if it wants nothing.

        Raises HostUnreachable where there is no such thing.
        """
        async with self._one_search:
            if line not in self._by_line:
                self._by_line[line] = await self._search(line, where)
            found = bytes(self._by_line[line])
        self._wipe_later()
        return found

    def wipe(self) -> None:
        """Overwrite and forget all of them."""
        if self._wiping is not None:
            self._wiping.cancel()
        for password in (self._newest, *self._by_line.values()):
            password[:] = bytes(len(password))
        self._newest, self._wiping = bytearray(), None
        self._by_line.clear()

    def _wipe_later(self) -> None:
        if self._wiping is not None:
            self._wiping.cancel()
        self._wiping = asyncio.get_running_loop().call_later(KEPT_SECONDS, self.wipe)

    async def _search(self, line: Line, where: str) -> bytearray:
        """Nothing, what sudo took elsewhere, or what the operator says."""
        if await _works_without(line, where):
            return bytearray()
        why = ""
        if self._newest:
            why = await _refusal(line, where, bytes(self._newest))
            if not why:
                return self._newest[:]
        for _ in range(ATTEMPTS):
            given = await self._ask(where, why)
            why = await _refusal(line, where, given)
            if not why:
                self._newest = bytearray(given)
                return bytearray(given)
        raise HostUnreachable(f"no password for sudo on {where}: {why}")

    async def _ask(self, where: str, why: str) -> bytes:
        what = f"Password of {self._username} for sudo on {where}"
        if self._asker is None:
            raise HostUnreachable(f"sudo on {where} wants a password, and nobody can be asked here")
        async with self._one_question:
            given = await self._asker(SecretQuestion(what, why))
        if given is None:
            raise HostUnreachable(f"sudo on {where} wants a password, and none was given")
        return given.reveal().encode()


class RootLine:
    """A line whose changes are given the password that their sudo asks for; reads pass as ever."""

    def __init__(self, line: Line, where: str, passwords: SudoPasswords) -> None:
        self._line = line
        self._where = where
        self._passwords = passwords

    @asynccontextmanager
    async def start(
        self, command: Command, *, endless: bool = False
    ) -> AsyncIterator[RemoteProcess]:
        """As `Line.start`. Raises HostUnreachable besides where there is no password."""
        password, prompt = b"", _new_prompt()
        if isinstance(command, ChangeCommand):
            password = await self._passwords.for_line(self._line, self._where)
            command = asking(command, prompt) if password else command
        async with self._line.start(command, endless=endless) as process:
            if password:
                await _reply(process, prompt.encode(), password)
            yield process


async def _works_without(line: Line, where: str) -> bool:
    """Whether sudo wants no password. Raises HostUnreachable where no password will do either."""
    async with line.start(sudo_works()) as process:
        answer = await gather(process, seconds=_TRY_SECONDS, limit=_LIMIT)
    if answer.exit_status is None:
        raise HostUnreachable(f"sudo on {where} did not answer")
    if answer.exit_status == _NOT_FOUND or b"tty" in answer.stderr:
        raise HostUnreachable(f"sudo on {where} does not work: {last_words(answer.stderr)}")
    return answer.exit_status == 0


async def _refusal(line: Line, where: str, password: bytes) -> str:
    """Why sudo does not take a password; empty where it does. Raises HostUnreachable.

    Nothing is run as root for it but `true`.
    """
    prompt = _new_prompt()
    async with line.start(asking(sudo_works(), prompt)) as process:
        has_asked = await _reply(process, prompt.encode(), password)
        answer = await gather(process, seconds=_TRY_SECONDS, limit=_LIMIT)
    if answer.exit_status == 0:
        return ""
    said = _said(answer, prompt.encode())
    if answer.exit_status is None or not has_asked:
        raise HostUnreachable(f"sudo on {where} does not work: {said or 'it did not answer'}")
    if prompt.encode() in answer.stderr or b"incorrect password" in answer.stderr:
        return f"sudo on {where} did not take that password."
    raise HostUnreachable(f"sudo on {where} took the password and refused all the same: {said}")


async def _reply(process: RemoteProcess, prompt: bytes, password: bytes) -> bool:
    """Wait for the prompt and answer it once; whether it came. All else stays to be read.

    Only what was asked for in so many words is answered: a sudo that wants no password would hand
    it to the command.
    """
    said = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PROMPT_SECONDS):
            while (block := await process.read()) is not None:
                if not block.is_stderr:
                    process.unread(block)
                    break
                said += block.data
                _, asked, after = said.partition(prompt)
                if asked:
                    process.write(password + b"\n")
                    _unread(process, after)
                    return True
    _unread(process, said)
    return False


def _unread(process: RemoteProcess, said: bytes) -> None:
    if said:
        process.unread(Block(said, is_stderr=True))


def _said(answer: Answer, prompt: bytes) -> str:
    return last_words(answer.stderr.replace(prompt, b""))


def _new_prompt() -> str:
    """Words that nothing else on a machine says."""
    return f"fleettui-{secrets.token_hex(8)}:"
