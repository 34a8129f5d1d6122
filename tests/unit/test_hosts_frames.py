"""What goes through the collector's pipe comes out as it went in."""

from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.hosts.collector import frames
from fleettui.hosts.position import Mark
from fleettui.hosts.settings import HostSettings, Tunnel
from fleettui.journal.columns import EPOCH, Packer, cursor_of
from fleettui.journal.packed import Packed
from fleettui.model.cluster import Machine
from fleettui.model.host import JournalEntry, JournalItem, JournalNotice, NoticeKind, Span
from fleettui.model.place import AddressMap, AddressRule, Place
from fleettui.model.untrusted import Untrusted

moments = st.integers(0, 4_000_000_000_000_000).map(lambda n: EPOCH + timedelta(microseconds=n))
words = st.text(max_size=20).map(Untrusted)
cursors = st.one_of(
    st.just(""),
    st.integers(1, 2**64 - 1).map(lambda n: f"s=0a1b;i={n:x}"),
    st.from_regex(r"[!-~]{1,40}", fullmatch=True).filter(lambda cursor: ";i=" not in cursor),
)
entries = st.builds(
    JournalEntry,
    cursor=cursors,
    at=moments,
    message=words,
    priority=st.integers(0, 7),
    unit=words,
    identifier=words,
    pid=st.integers(0, 2**22),
    boot_id=words,
    problem=st.sampled_from([None, "a record without a time"]),
)
notices = st.builds(JournalNotice, kind=st.sampled_from(NoticeKind), at=moments, text=words)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.one_of(entries, notices), max_size=8), max_size=4))
def test_lines_and_notices_come_out_as_they_went_in(batches: list[list[JournalItem]]) -> None:
    packer, unpacker = Packer(), frames.Unpacker()
    mark = Mark("s=1;i=2", EPOCH, Untrusted("b0"))
    for items in batches:
        sent = frames.Lines((frames.packed(7, mark, packer.pack(items)),))
        came = frames.news(frames.frame(sent)[frames.LENGTH :])
        assert isinstance(came, frames.Lines)
        (columns,) = came.batches
        assert (columns.stream, columns.mark) == (7, mark)
        packed = Packed(unpacker.batch(columns))
        assert list(packed) == items
        assert [packed[i] for i in range(len(packed))] == list(packed[:]) == items
        assert packed.has_notices == any(isinstance(item, JournalNotice) for item in items)


def test_a_cursor_names_series_and_number_alone() -> None:
    text = Untrusted("x")
    item = JournalEntry("s=ab;i=1f;b=c;m=0", EPOCH, text, 6, text, text)
    packed = Packed(Packer().pack([item]))
    (back,) = packed
    assert isinstance(back, JournalEntry)
    assert back.cursor == "s=ab;i=1f" == cursor_of(packed.batch.origins[0], 0x1F)


def test_settings_and_orders_come_out_as_they_went_in() -> None:
    machine = Machine(
        Untrusted("ab" * 16), Untrusted("10.0.0.1"), ((Untrusted("a"), Untrusted("b")),)
    )
    rule = AddressRule("a=b", Place("10.0.0.2", 2222))
    ours = HostSettings(
        port=22,
        identities=[Path("/tmp/\udcff")],
        own_file=Path("own"),
        ssh_config=None,
        tunnel=Tunnel("far", "core"),
        addresses=AddressMap((rule,)),
    )
    body = frames.frame(ours)[frames.LENGTH :]
    assert frames.settings(body) == ours
    for order in (
        frames.Connect(1, machine),
        frames.Follow(2, machine, "a.service", Span(None, "-5min", boot=-1), mark=None),
        frames.Leave(3),
        frames.Settled(4, "no"),
    ):
        assert frames.order(frames.frame(order)[frames.LENGTH :]) == order
