"""How often and how long: the timings of following a registry."""

import msgspec
from msgspec.structs import replace

from fleettui.registry.settings import RegistrySettings


class Pace(msgspec.Struct, frozen=True):
    """All in seconds. What is lost must be shown within 12 s, what returns within 10 s."""

    liveness_every: float = 2.0
    answer_within: float = 4.0
    """For a small plain read while live: longer, and the endpoint hangs."""
    find_within: float = 2.0
    """The same while looking for an endpoint that answers."""
    quorum_within: float = 9.0
    """etcd itself gives up after 7 s where its members cannot agree."""
    silence_within: float = 12.0
    """Without a sign of liveness for so long the registry is lost, whatever the reason."""
    read_within: float = 5.0
    """For a plain read of everything to begin."""
    watch_for: float = 20.0
    """Then the watch is asked anew, so that a dead connection does not last."""
    stream_within: float = 2.0
    """For a stream to stand; longer, and something on the way holds its answer back."""
    prove_every: float = 1.0
    """From the last event of a stream at most, until it is compared with what etcd has."""
    prove_within: float = 0.3
    """For a stream to bring what etcd has, and for a poll to say that there is something."""
    verify_after: float = 0.2
    """From a removal, which may be the first of many, to the proof that none was lost."""
    streams_again: float = 60.0
    """Where streams were refused, or died again and again: until the next try."""
    held_lock_every: float = 5.0
    """The same for the repair lock while somebody holds it."""
    reread_every: float = 30.0
    """A watch may miss what it should not; a full read does not."""
    view_every: float = 0.05
    storm_view_every: float = 1 / 3
    """The same where values go on changing all the time: more than an eye can follow."""
    confirm_every: float = 1.5
    """How often a view is sent only because the picture was found to be current."""
    write_within: float = 10.0
    first_retry: float = 0.5
    last_retry: float = 5.0

    def next_pause(self, pause: float, since_last: float) -> float:
        """Until the view after this one: longer from view to view while each is due as soon as it
        may be; a change after a moment of peace is shown at once.
        """
        if since_last > pause + self.view_every:
            return self.view_every
        return min(pause * 1.25, self.storm_view_every)


def pace_of(settings: RegistrySettings) -> Pace:
    """The usual timings, but for how long one request may take.

    Whatever needs the quorum is given the time that etcd itself takes to find that it has none.
    """
    pace, seconds = Pace(), settings.request_timeout
    if seconds is None:
        return pace
    return replace(
        pace,
        find_within=seconds,
        answer_within=seconds,
        read_within=seconds,
        quorum_within=max(pace.quorum_within, seconds),
        write_within=max(pace.write_within, seconds),
    )
