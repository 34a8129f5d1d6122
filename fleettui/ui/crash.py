"""What is left on the terminal when the console ends because of a bug."""

from textual.app import App


class TellsNoValues(App[None]):
    """An app whose crash tells where it came about, and no value of any variable.

    Textual prints the variables of every frame: what is being typed as a password is among them,
    and so is what machines sent. A crash is copied into mails and issues.
    """

    def _fatal_error(self) -> None:
        # All that colours source code comes with it, which no start need wait for.
        from rich.segment import Segments
        from rich.traceback import Traceback

        text = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(Segments(self.console.render(text, self.console.options)))
        self._close_messages_no_wait()
