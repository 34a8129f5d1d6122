"""Which etcd cluster this session looks at: the first that answered, and no other."""

from typing import TYPE_CHECKING

from fleettui.registry.errors import OtherCluster, quote

if TYPE_CHECKING:
    from fleettui.registry.answers import Answer


class ClusterId:
    """etcd's cluster ID, learnt from the first answer and kept; shared by reader and writer."""

    def __init__(self) -> None:
        self._known: str | None = None

    @property
    def known(self) -> str:
        """The ID, safe to show; empty while nothing has answered, or nothing that names one."""
        return quote(self._known or "")

    def check(self, answer: "Answer") -> None:
        """Raises OtherCluster where another cluster answers. A server that names none passes."""
        if answer.cluster is None:
            return
        if self._known is None:
            self._known = answer.cluster
        if answer.cluster != self._known:
            raise OtherCluster(
                f"another cluster answers at {answer.endpoint}: its ID is {quote(answer.cluster)} "
                f"and was {quote(self._known)}. Start fleettui anew if that is the one you want."
            )
