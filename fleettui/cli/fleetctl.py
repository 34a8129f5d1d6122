"""What becomes of each variable that fleetctl reads: honoured, or answered by a sentence.

The list is that of fleetctl 1.0.0, which makes a variable of every flag (`getFlagsFromEnv` of
fleetctl/fleetctl.go): `--some-flag` is FLEETCTL_SOME_FLAG, and an empty one counts as unset.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from fleettui.cli.keys import KEYS
from fleettui.model.untrusted import visible

PREFIX = "FLEETCTL_"
ENDPOINT = "FLEETCTL_ENDPOINT"
DRIVER = "FLEETCTL_DRIVER"
ETCD_PORTS = frozenset({2379, 4001})

HONOURED = frozenset(f"{PREFIX}{name}" for key in KEYS for name in key.fleetctl)
ANSWERED = MappingProxyType(
    {
        "FLEETCTL_DRIVER": "fleettui always reads etcd, as fleetctl does with --driver=etcd.",
        "FLEETCTL_EXPERIMENTAL_API": "fleettui never asks fleet's API, so there is nothing to "
        "switch off.",
        "FLEETCTL_DEBUG": "fleettui prints no debug output; `fleettui doctor` tells what it does "
        "on the way to the cluster.",
        "FLEETCTL_VERSION": "use `fleettui --version`.",
        "FLEETCTL_HELP": "use `fleettui --help`.",
        "FLEETCTL_H": "use `fleettui -h`.",
    }
)
"""The variables that have no setting of ours, and why."""

_API = (
    "is fleet's own API, which shows neither leases nor states as they are written: fleettui reads "
    "etcd. Give etcd's address with --endpoint or FLEETTUI_ENDPOINT, mostly http://HOST:2379, or a "
    "host that sees it with --tunnel"
)


def api_endpoint(environment: Mapping[str, str]) -> str | None:
    """Why FLEETCTL_ENDPOINT is fleet's API and no etcd; None where it is etcd, or not set."""
    endpoint = environment.get(ENDPOINT, "").split(",")[0].strip()
    if not endpoint:
        return None
    said = f"{ENDPOINT} ({visible(endpoint)})"
    if endpoint.startswith(("unix:", "file:")):
        return f"{said} {_API}."
    driver = environment.get(DRIVER, "")
    if driver.lower() == "api":
        return f"with {DRIVER}={visible(driver)} {said} {_API}."
    if not driver and _is_http(endpoint) and _port(endpoint) not in ETCD_PORTS:
        return (
            f"{said} {_API}. (Without {DRIVER}=etcd fleetctl takes any port but 2379 and 4001 for "
            "fleet's API; if etcd listens there, set that.)"
        )
    return None


def _is_http(endpoint: str) -> bool:
    return endpoint.startswith(("http://", "https://"))


def _port(endpoint: str) -> int | None:
    try:
        return urlsplit(endpoint).port
    except ValueError:
        return None


def answers(environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each variable of fleetctl that is set and not honoured."""
    api = api_endpoint(environment)
    if api is not None:
        yield f"not obeyed: {api}"
    for name in sorted(environment):
        if not name.startswith(PREFIX) or not environment[name] or name in HONOURED:
            continue
        if name in ANSWERED:
            yield f"{name} changes nothing: {ANSWERED[name]}"
        else:
            yield f"{visible(name)} changes nothing: neither fleetctl 1.0.0 nor fleettui reads it."
