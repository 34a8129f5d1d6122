"""What every dialog has: a way out of the program, and one to its answer for whoever asks."""

import asyncio
from collections.abc import Callable
from typing import ClassVar, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from fleettui.ui.keys import named

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A screen over another one, that returns an answer. It may hold an input, so q is a letter,
    and no key of the app works while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [Binding("ctrl+q,ctrl+c", "app.leave", "Quit", show=False)]
    )


async def answer_to(app: App[None], ask: Callable[[], Dialog[Answer]], otherwise: Answer) -> Answer:
    """What the operator answers to a dialog, whatever task asks: that of a tunnel is begun by a
    thread of the registry, in whose context no screen can be made.
    """
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def settle(given: Answer | None) -> None:
        if not answer.done():
            answer.set_result(otherwise if given is None else given)

    app.call_later(lambda: app.push_screen(ask(), settle))
    return await answer
