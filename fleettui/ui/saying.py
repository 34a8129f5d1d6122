"""What is said in the corner of the screen, and not said again while it stands there."""

from time import monotonic

from textual.app import App
from textual.notifications import SeverityLevel


class SaysOnce(App[None]):
    """An app that tells a held key's sentence once: ten of them would cover the screen."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}
        """Until when each sentence stands there."""

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """As Textual's, but for what stands there already; never is anything in it markup."""
        at = monotonic()
        self._said = {words: until for words, until in self._said.items() if until > at}
        if message in self._said:
            return
        self._said[message] = at + (self.NOTIFICATION_TIMEOUT if timeout is None else timeout)
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=False)
