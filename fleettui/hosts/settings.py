"""How machines are reached: the settings of one session, and where its known hosts are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path


def own_known_hosts() -> Path:
    """Where accepted host keys are written; the files of OpenSSH and fleetctl are only read."""
    return user_state_path("fleettui") / "known_hosts"


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Who logs in where, with what, and whom to believe."""

    username: str = "core"
    port: int | None = None
    """None: what the user's SSH configuration says for the machine, else 22."""
    identities: Sequence[Path] = ()
    """Private keys. None given: those of the SSH configuration, or the usual ones of ~/.ssh; the
    SSH agent's are tried before them."""
    known_hosts_file: Path = Path("~/.fleetctl/known_hosts")
    """fleetctl's, read beside OpenSSH's own."""
    remember: bool = True
    """Whether an accepted key is written down; False (observer): kept in memory alone."""
    own_file: Path | None = None
    """Where accepted keys go; None = `own_known_hosts()`."""
    openssh_file: Path = Path("~/.ssh/known_hosts")
    ssh_config: Path | None = Path("~/.ssh/config")
    """The user's SSH configuration; None = none is read."""

    @property
    def known_hosts(self) -> tuple[Path, ...]:
        """Every file that may hold a machine's key, in order of looking."""
        files = (self.openssh_file, self.known_hosts_file, self.written_file)
        return tuple(dict.fromkeys(f.expanduser() for f in files))

    @property
    def written_file(self) -> Path:
        return (self.own_file or own_known_hosts()).expanduser()
