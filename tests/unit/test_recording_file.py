"""Recordings are files of anybody's: what they say is checked and made printable."""

import threading
from datetime import UTC, datetime
from pathlib import Path

from fleettui.access import ClusterAddress
from fleettui.recording.file import RecordingFile, open_recording
from fleettui.recording.records import FORMAT, Head, Locked


def head(*endpoints: str) -> Head:
    cluster = ClusterAddress(endpoints, "/_coreos.com/fleet/")
    return Head(FORMAT, "0", datetime.now(UTC), cluster, may_change=False)


def test_text_of_a_recording_cannot_command_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "hostile.rec"
    file = RecordingFile(path, head("http://a:1\x1b]0;owned\x07"))
    file.add(Locked())
    file.close()
    (endpoint,) = open_recording(path).head.cluster.endpoints
    assert endpoint.isprintable()
    assert endpoint.startswith("http://a:1")


def test_what_threads_tell_while_a_recording_is_closed_leaves_it_whole(tmp_path: Path) -> None:
    for turn in range(20):
        path = tmp_path / f"{turn}.rec"
        file = RecordingFile(path, head("http://a:1"))
        begun, over = threading.Event(), threading.Event()

        def tell(
            file: RecordingFile = file,
            begun: threading.Event = begun,
            over: threading.Event = over,
        ) -> None:
            while not over.is_set():
                file.add(Locked())
                begun.set()

        telling = [threading.Thread(target=tell) for _ in range(3)]
        for thread in telling:
            thread.start()
        assert begun.wait(20)
        file.close()
        over.set()
        for thread in telling:
            thread.join()
        assert open_recording(path).is_whole
