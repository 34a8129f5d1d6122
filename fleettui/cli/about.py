"""What fleettui says of itself: its version with those of its libraries, and shell completion."""

import platform

import click

from fleettui import __version__

PROGRAM = "fleettui"
COMPLETE_VARIABLE = "_FLEETTUI_COMPLETE"
LIBRARIES = (
    "textual",
    "rich",
    "asyncssh",
    "cryptography",
    "python-etcd",
    "urllib3",
    "msgspec",
    "click",
)


def print_version(context: click.Context, parameter: click.Parameter, wanted: object) -> None:
    """One line for people and scripts, then what a report of a bug needs."""
    if not wanted or context.resilient_parsing:
        return
    click.echo(f"{PROGRAM} {__version__}")
    click.echo(f"  {platform.python_implementation()} {platform.python_version()}")
    for name in LIBRARIES:
        click.echo(f"  {name} {_version_of(name)}")
    context.exit()


def _version_of(library: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(library)
    except PackageNotFoundError:
        return "is missing"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell, to be put where it looks for them.

    \b
    bash: fleettui completion bash > ~/.local/share/bash-completion/completions/fleettui
    zsh:  fleettui completion zsh > ~/.zfunc/_fleettui   (a folder of your fpath)
    fish: fleettui completion fish > ~/.config/fish/completions/fleettui.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "click knows these three"
    root = context.find_root()
    click.echo(kind(root.command, {}, PROGRAM, COMPLETE_VARIABLE).source())
