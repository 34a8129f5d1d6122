"""Container images of a machine, found in the lists of programs new and old."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.access import HostUnreachable
from fleettui.hosts.images import read_images
from fleettui.model.host import ImageFacts
from fleettui.model.untrusted import Untrusted

# docker 1.3 to 20.10 print the same two columns first.
DOCKER = """\
REPOSITORY                  TAG        IMAGE ID       CREATED        VIRTUAL SIZE
nginx                       1.9        0e8a3c2b9f6d   8 weeks ago    182.7 MB
zookeeper                   latest     8d0e7ad9c1b2   2 days ago     340 MB
quay.io/coreos/etcd         v2.0.0     5a21d4e0c7f3   2 years ago    12.8 MB
registry.example:5000/app   latest     77af4d6b9953   2 days ago     188.3 MB
docker.io/library/redis     3          aa2f4d6b9953   2 days ago     100 MB
<none>                      <none>     c06cfce3f9b1   3 weeks ago    150 MB
"""
RKT = """\
sha512-e7a54697d3cb\tcoreos.com/etcd:v2.0.0\t12MiB\t2 days ago\t1 day ago
sha512-91e98d7f1679\tregistry-1.docker.io/library/nginx:1.9\t190MiB\t2 days ago\t1 day ago
"""


def answer(*listings: tuple[str, int, str], before: bytes = b"") -> bytes:
    fields = ["fleettui-images-1"]
    for name, status, text in listings:
        fields += [name, str(status), text]
    return before + "".join(f"{field}\0" for field in (*fields, "end")).encode()


def facts(image: str, *listings: tuple[str, int, str]) -> ImageFacts:
    name = Untrusted(image)
    return read_images(answer(*listings), [name])[name]


ALL = (("docker", 0, DOCKER), ("rkt", 0, RKT))


@pytest.mark.parametrize(
    "image",
    [
        "nginx:1.9",
        "library/nginx:1.9",
        "docker.io/nginx:1.9",
        "docker.io/library/nginx:1.9",
        "index.docker.io/library/nginx:1.9",
        "zookeeper",
        "zookeeper:latest",
        "quay.io/coreos/etcd:v2.0.0",
        "registry.example:5000/app",
        "redis:3",
        "coreos.com/etcd:v2.0.0",
        "coreos.com/etcd,version=v2.0.0",
        "docker://nginx:1.9",
    ],
)
def test_an_image_that_is_listed_is_there(image: str) -> None:
    assert facts(image, *ALL) == ImageFacts(present=True)


@pytest.mark.parametrize(
    "image", ["nginx", "nginx:1.8", "zookeeper:3.4", "etcd:v2.0.0", "docker://redis:3", "<none>"]
)
def test_an_image_that_is_not_listed_is_not_there(image: str) -> None:
    assert facts(image, *ALL) == ImageFacts(present=False)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("app:${VERSION}", "known only when the unit starts"),
        ("app:%i", "known only when the unit starts"),
        ("$REGISTRY/app", "known only when the unit starts"),
        ("app@sha256:0f0f", "named by its digest"),
    ],
)
def test_what_no_list_can_tell_is_not_known(image: str, words: str) -> None:
    found = facts(image, *ALL)
    assert found.present is None
    assert words in str(found.why)


def test_where_a_program_would_not_tell_an_image_is_not_known_absent() -> None:
    denied = "Cannot connect to the Docker daemon. Is 'docker -d' running on this host?"
    found = facts("nginx:1.9", ("docker", 1, denied))
    assert (found.present, str(found.why)) == (None, f"docker: {denied}")
    assert (
        facts("nginx:1.8", ("docker", 0, DOCKER), ("rkt", 254, "permission denied")).present is None
    )
    assert facts("nginx:1.9", ("docker", 0, DOCKER), ("rkt", 254, "permission denied")).present


def test_a_docker_image_of_rkt_is_not_looked_for_in_docker() -> None:
    assert facts("docker://nginx:1.9", ("docker", 0, DOCKER)).present is None


def test_a_machine_without_any_such_program_says_so() -> None:
    assert str(facts("nginx").why) == "no program for it was found"


@pytest.mark.parametrize(
    "cut",
    [
        b"",
        b"Welcome\n",
        b"fleettui-images-1\0",
        b"fleettui-images-1\0docker\x000\0REPO",
        b"fleettui-images-1\0docker\x000\0REPO\0",
        b"fleettui-images-1\0docker\0end\0",
    ],
)
def test_an_answer_that_is_not_whole_is_none(cut: bytes) -> None:
    with pytest.raises(HostUnreachable):
        read_images(cut, [Untrusted("nginx")])


def test_a_login_shells_greeting_does_no_harm() -> None:
    name = Untrusted("nginx:1.9")
    assert read_images(answer(*ALL, before=b"Welcome to CoreOS\n"), [name])[name].present


@settings(deadline=None)
@given(st.binary(max_size=200), st.text(max_size=20))
def test_whatever_is_answered_is_read_or_refused(text: bytes, image: str) -> None:
    said = ""
    for whole in (text, b"fleettui-images-1\0docker\x000\0" + text + b"\0end\0"):
        try:
            read_images(whole, [Untrusted(image)])
        except HostUnreachable as refused:
            said += str(refused)
    assert said.isprintable()
