"""Settings: who wins, where each value came from, and what is said of a wrong one."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fleettui.cli.config_file import read_config
from fleettui.cli.fleetctl import ANSWERED, HONOURED
from fleettui.cli.keys import KEYS, Key
from fleettui.cli.kinds import Texts
from fleettui.cli.resolve import Given, Sources, resolve
from fleettui.cli.session import Settings
from fleettui.cli.source import SettingsSource
from fleettui.hosts.settings import SUDO_ASKS, SudoMode, Tunnel
from fleettui.model.cluster import Machine
from fleettui.model.place import AddressMap, Place, parse_place, parse_rule
from fleettui.model.untrusted import Untrusted

# Every flag of fleetctl 1.0.0 (cmdFleet.PersistentFlags in fleetctl/fleetctl.go at tag v1.0.0);
# getFlagsFromEnv makes FLEETCTL_SOME_FLAG of --some-flag.
FLEETCTL_FLAGS = """
    help h debug version driver endpoint etcd-key-prefix key-file cert-file ca-file
    known-hosts-file strict-host-key-checking ssh-timeout tunnel request-timeout ssh-username
    experimental-api etcd-keyfile etcd-certfile etcd-cafile
"""
FLEETCTL = {"FLEETCTL_" + flag.upper().replace("-", "_") for flag in FLEETCTL_FLAGS.split()}
A_FILE = os.path.realpath(__file__)
# For each key two values as text, as the config file has them, and as the settings hold them.
VALUES: dict[str, tuple[tuple[str, object, object], tuple[str, object, object]]] = {
    "endpoint": (
        ("http://a:1,http://b:2", ["http://a:1", "http://b:2"], ("http://a:1", "http://b:2")),
        ("http://c:3", "http://c:3", ("http://c:3",)),
    ),
    "etcd_key_prefix": (("/a/", "/a/", "/a"), ("/b", "/b", "/b")),
    "ca_file": (
        (A_FILE, A_FILE, Path(A_FILE)),
        ("/etc/passwd", "/etc/passwd", Path("/etc/passwd")),
    ),
    "request_timeout": (("2.5", 2.5, 2.5), ("7", 7, 7.0)),
    "tunnel": (
        ("me@gate:2222", "me@gate:2222", Tunnel("gate", "me", 2222)),
        ("10.0.0.9", "10.0.0.9", Tunnel("10.0.0.9")),
    ),
    "ssh_username": (("elroy", "elroy", "elroy"), ("core2", "core2", "core2")),
    "ssh_port": (("2222", 2222, 2222), ("22", 22, 22)),
    "identity": ((A_FILE, [A_FILE], (Path(A_FILE),)), (A_FILE, A_FILE, (Path(A_FILE),))),
    "ssh_config": (
        (A_FILE, A_FILE, Path(A_FILE)),
        ("/etc/passwd", "/etc/passwd", Path("/etc/passwd")),
    ),
    "ssh_timeout": (("3", 3, 3.0), ("4.5", 4.5, 4.5)),
    "known_hosts_file": (("/a", "/a", Path("/a")), ("/b", "/b", Path("/b"))),
    "strict_host_key_checking": (("false", False, False), ("1", True, True)),
    "addresses": (
        (
            "aabbccdd=10.1.1.1,az=b=host:23",
            {"aabbccdd": "10.1.1.1", "az=b": "host:23"},
            AddressMap((parse_rule("aabbccdd", "10.1.1.1"), parse_rule("az=b", "host:23"))),
        ),
        ("role=db=::1", {"role=db": "::1"}, AddressMap((parse_rule("role=db", "::1"),))),
    ),
    "theme": (("dark", "dark", "dark"), ("light", "light", "light")),
    "ascii": (("true", True, True), ("false", False, False)),
    "sudo": (
        ("password", "password", SudoMode.PASSWORD),
        ("passwordless", "passwordless", SudoMode.PASSWORDLESS),
    ),
}
SINGLE = [key for key in KEYS if key.name in VALUES]


class Home:
    """A config file, variables and flags of one test."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.toml"

    def resolve(
        self,
        flags: Mapping[str, Texts] | None = None,
        environment: Mapping[str, str] | None = None,
        config: str = "",
        **given: Any,
    ) -> Settings:
        self.path.write_text(config)
        sources = Sources(Given(flags or {}, **given), environment or {}, read_config(self.path))
        return resolve(sources)

    def refusal(self, *args: Any, **given: Any) -> str:
        with pytest.raises(ValueError, match=r".") as refused:
            self.resolve(*args, **given)
        assert str(refused.value).isprintable()
        return str(refused.value)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{k}" = "{v}"' for k, v in value.items()) + "}"
    return repr(value)


@pytest.mark.parametrize("key", SINGLE, ids=lambda key: key.name)
def test_each_source_wins_over_the_next_and_says_so(key: Key, home: Home) -> None:
    (one, one_toml, one_value), (two, two_toml, two_value) = VALUES[key.name]
    profile = f"[profiles.prod]\n{key.name} = {toml(one_toml)}\n"
    config = f"profile = 'prod'\n{key.name} = {toml(two_toml)}\n{profile}"
    environment = {"FLEETCTL_DRIVER": "etcd"}
    flags: dict[str, Texts] = {}

    def is_now(value: object, origin: str, given: str) -> None:
        settings = home.resolve(flags, environment, given)
        assert getattr(settings, key.field) == value
        assert settings.origins[key.name] == origin

    is_now(key.default, "default", "")
    is_now(two_value, str(home.path), f"{key.name} = {toml(two_toml)}\n")
    is_now(one_value, f"{home.path} [profiles.prod]", config)
    value, text = two_value, two
    for variable in reversed(list(key.variables)):
        environment[variable] = text
        is_now(value, variable, config)
        value, text = (one_value, one) if text == two else (two_value, two)
    flags[key.name] = (text,)
    is_now(value, key.flag, config)


def test_every_key_has_a_field_a_flag_and_a_variable() -> None:
    assert set(VALUES) | {"cert_file", "key_file", "etcd_username", "etcd_password_file"} == {
        key.name for key in KEYS
    }


def test_every_variable_of_fleetctl_is_honoured_or_answered_by_a_sentence(home: Home) -> None:
    assert set(ANSWERED).isdisjoint(HONOURED)
    assert HONOURED | set(ANSWERED) == FLEETCTL
    for variable in sorted(FLEETCTL):
        key = next((key for key in KEYS if variable in key.variables), None)
        if key is None:
            (note,) = home.resolve(environment={variable: "etcd"}).notes
            assert note.startswith(f"{variable} changes nothing: ")
        elif key.name in VALUES:
            text, _, value = VALUES[key.name][0]
            settings = home.resolve(environment={variable: text, "FLEETCTL_DRIVER": "etcd"})
            assert getattr(settings, key.field) == value
    pair = {"FLEETCTL_ETCD_CERTFILE": A_FILE, "FLEETCTL_KEY_FILE": A_FILE}
    assert home.resolve(environment=pair).key_file == Path(A_FILE)
    (unknown,) = home.resolve(environment={"FLEETCTL_FOO": "1", "FLEETCTL_DEBUG": ""}).notes
    assert unknown == "FLEETCTL_FOO changes nothing: neither fleetctl 1.0.0 nor fleettui reads it."


@pytest.mark.parametrize(
    ("environment", "is_api"),
    [
        ({"FLEETCTL_ENDPOINT": "unix:///var/run/fleet.sock"}, True),
        ({"FLEETCTL_ENDPOINT": "http://10.0.0.1:49153"}, True),
        ({"FLEETCTL_ENDPOINT": "http://10.0.0.1:2379", "FLEETCTL_DRIVER": "API"}, True),
        ({"FLEETCTL_ENDPOINT": "http://10.0.0.1:8379", "FLEETCTL_DRIVER": "etcd"}, False),
        ({"FLEETCTL_ENDPOINT": "http://10.0.0.1:4001,http://10.0.0.2:4001"}, False),
    ],
)
def test_fleets_own_api_is_explained_and_not_obeyed(
    environment: dict[str, str], *, is_api: bool, home: Home
) -> None:
    if not is_api:
        assert home.resolve(environment=environment).origins["endpoint"] == "FLEETCTL_ENDPOINT"
        return
    assert "fleet's own API" in home.refusal(environment=environment)
    for better in (
        home.resolve({"endpoint": ("http://e:2379",)}, environment),
        home.resolve(environment=environment, config="endpoint = 'http://e:2379'"),
        home.resolve(environment={**environment, "FLEETTUI_ENDPOINT": "http://e:2379"}),
    ):
        assert better.endpoints == ("http://e:2379",)
        assert better.notes[0].startswith("not obeyed: ")
    tunnelled = home.resolve(environment={**environment, "FLEETCTL_TUNNEL": "gate"})
    assert tunnelled.endpoints == ("http://127.0.0.1:2379", "http://127.0.0.1:4001")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("ssh_port = 'x'", "ssh_port: expected a whole number from 1 to 65535, not 'x'"),
        ("ssh_port = 0", "ssh_port: expected a whole number from 1 to 65535, not 0"),
        ("endpoint = 5", "endpoint: expected addresses of etcd"),
        ("endpoint = 'ftp://x'", "endpoint: etcd endpoint 'ftp://x' must begin with http://"),
        ("ssh_usrname = 'x'", "ssh_usrname: there is no such key; did you mean ssh_username?"),
        ("etcd_password = 'hunter2'", "did you mean etcd_password_file?"),
        ("observe = 'no'", "observe: expected true or false, not 'no'"),
        ("ca_file = 'relative'", "ca_file: expected a path that begins with / or ~"),
        ("ca_file = '/nope'", "ca_file: '/nope' does not exist"),
        (f"ca_file = '/{'x' * 300}'", "cannot be looked at: File name too long"),
        ("ca_file = '~nobody-here/x'", "ca_file: '~nobody-here/x': there is no home folder"),
        ("ssh_port = 1" + "0" * 5000, "is no TOML"),
        ("sudo = 'maybe'", "sudo: expected passwordless or password, not 'maybe'"),
        ("[addresses]\n'xyz' = 'a'", "addresses: 'xyz' names no machine"),
        ("[addresses]\n'aabbccdd' = 'a:b:c d'", "addresses: 'a:b:c d' is neither"),
        ("[addresses]\n'aabbccdd' = 'a:99999'", "addresses: 'a:99999' has a port that is none"),
        ("[addresses]\n'aabbccdd' = 'a:0000022'", "addresses: 'a:0000022' has a port that is"),
        ("[addresses]\n'aabbccdd' = 'a:0065536'", "addresses: 'a:0065536' has a port that is"),
        ("[profiles.prod]\nssh_port = 'x'", "[profiles.prod]: ssh_port: expected a whole number"),
        ("[profiles.prod]\nprofile = 'x'", "[profiles.prod]: profile: there is no such key"),
        ("[profiles.'a b']\n", "[profiles.a b]: expected a name of letters"),
        ("profile = 'prod'", "has no profile 'prod'; it has: none"),
        ("tunnel = '@x'", "tunnel: '@x' names no user before its @"),
        ("x = [", "is no TOML"),
        ("ssh_timeout = nan", "ssh_timeout: expected a number of seconds"),
        ("cert_file = '/etc/passwd'", "cert_file without key_file; expected both"),
    ],
)
def test_a_wrong_value_names_file_key_and_expectation(config: str, words: str, home: Home) -> None:
    said = home.refusal(config=config)
    assert str(home.path) in said
    assert words in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("flags", "environment", "words"),
    [
        ({"ssh_port": ("x",)}, {}, "--ssh-port: expected a whole number from 1 to 65535, not 'x'"),
        ({}, {"FLEETTUI_SSH_PORT": "70000"}, "FLEETTUI_SSH_PORT: expected a whole number"),
        (
            {},
            {"FLEETCTL_SSH_TIMEOUT": "soon"},
            "FLEETCTL_SSH_TIMEOUT: expected a number of seconds",
        ),
        ({}, {"FLEETCTL_STRICT_HOST_KEY_CHECKING": "2"}, "expected true or false, not '2'"),
        ({"addresses": ("a",)}, {}, "--address: expected MACHINE=HOST[:PORT]"),
        ({}, {"FLEETTUI_OBSERVE": "maybe"}, "FLEETTUI_OBSERVE: expected true or false"),
        ({}, {"FLEETTUI_PROFILE": "prod"}, "has no profile 'prod'"),
        ({}, {"FLEETTUI_ETCD_PASSWORD": "hunter2"}, "a password without etcd_username"),
        ({}, {"FLEETCTL_CA_FILE": "/nope\x1b"}, "FLEETCTL_CA_FILE: '/nope\\x1b' does not exist"),
    ],
)
def test_a_wrong_flag_or_variable_names_itself_and_the_expectation(
    flags: dict[str, Texts], environment: dict[str, str], words: str, home: Home
) -> None:
    said = home.refusal(flags, environment)
    assert words in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        ({"observe": True}, "--observe"),
        ({"environment": {"FLEETTUI_OBSERVE": "yes"}}, "FLEETTUI_OBSERVE"),
        ({"config": "observe = true"}, "{path}"),
        (
            {"config": "[profiles.prod]\nobserve = true", "profile": "prod"},
            "{path} [profiles.prod]",
        ),
    ],
)
def test_whoever_wants_an_observer_gets_one_and_nobody_undoes_it(
    source: dict[str, Any], origin: str, home: Home
) -> None:
    config = source.pop("config", "")
    for no in ("", "observe = false\n"):
        text = config if "observe = true" in config and "[" not in config else no + config
        environment = {"FLEETTUI_OBSERVE": "0"} | source.get("environment", {})
        settings = home.resolve(config=text, **(source | {"environment": environment}))
        assert settings.observe
        assert settings.origins["observe"] == origin.format(path=home.path)
    off = home.resolve({}, {"FLEETTUI_OBSERVE": "false"}, "observe = false")
    assert not off.observe


def test_a_password_comes_from_a_private_file_or_a_variable_and_is_never_shown(
    home: Home, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    file.chmod(0o640)
    flags = {"etcd_username": ("root",)}
    config = f"etcd_password_file = {str(file)!r}"
    said = home.refusal(flags, config=config)
    assert f"{home.path}: {file} holds a password and others may use it (mode 0640)" in said
    file.chmod(0o600)
    settings = home.resolve(flags, config=config)
    assert settings.etcd_password is not None
    assert settings.etcd_password.reveal() == "hunter2"
    assert "hunter2" not in repr(settings) + str(settings) + repr(settings.registry)
    variable = {"FLEETTUI_ETCD_PASSWORD": "secret"}
    stronger = home.resolve(flags, variable, config)
    assert stronger.origins["etcd_password"] == "FLEETTUI_ETCD_PASSWORD"
    by_flag = home.resolve({**flags, "etcd_password_file": (str(file),)}, variable)
    assert by_flag.etcd_password is not None
    assert by_flag.etcd_password.reveal() == "hunter2"


@pytest.mark.parametrize(("mode", "said"), [("passwordless", ""), ("password", SUDO_ASKS)])
def test_what_is_sent_for_the_sudo_that_is_shown_follows_from_how_root_is_had(
    mode: str, said: str
) -> None:
    here = Settings(("http://a:1",), "/a", "core", None, (), Path("k"), observe=False)
    assert replace(here, sudo=SudoMode(mode)).cluster.sudo == said


def machine(machine_id: str, **metadata: str) -> Machine:
    held = tuple((Untrusted(key), Untrusted(value)) for key, value in metadata.items())
    return Machine(Untrusted(machine_id), Untrusted(""), held)


def test_the_password_of_the_environment_is_read_once_and_handed_to_no_program(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither to $PAGER, nor to a ProxyCommand, nor to a process of our own."""
    monkeypatch.setenv("FLEETTUI_ETCD_PASSWORD", "hunter2")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.path.parent))
    source = SettingsSource(Given({"etcd_username": ("eve",)}))
    for _ in range(2):
        settings = source.settings()
        assert settings.etcd_password is not None
        assert settings.etcd_password.reveal() == "hunter2"
    told = subprocess.run(("env",), capture_output=True, text=True, check=True).stdout
    assert "XDG_CONFIG_HOME" in told
    assert "hunter2" not in told + repr(source)


def test_a_machine_is_placed_by_its_id_then_its_beginning_then_its_metadata() -> None:
    full, short = "aabbccdd" + "0" * 24, "aabbccdd"
    rules = {"az=b": "by-az", "role=db": "by-role", short: "by-short", full: "by-full:23"}
    addresses = AddressMap(tuple(parse_rule(key, place) for key, place in rules.items()))
    assert addresses.place_of(machine(full, az="b")) == Place("by-full", 23)
    assert addresses.place_of(machine(short + "1" * 24, az="b")) == Place("by-short")
    assert addresses.place_of(machine("1" * 32, role="db", az="b")) == Place("by-az")
    assert addresses.place_of(machine("1" * 32, role="db")) == Place("by-role")
    assert addresses.place_of(machine("1" * 32, role="web")) is None


@pytest.mark.parametrize("text", ["10.0.0.1", "10.0.0.1:22", "::1", "[::1]:22", "core-1.x:2222"])
def test_a_place_reads_back_as_it_was_written(text: str) -> None:
    assert str(parse_place(text)) == text
