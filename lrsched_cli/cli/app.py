"""The ``lrsched`` command: its subcommands, and what every one of them does with errors and signals."""

from __future__ import annotations

import gc
import os
import signal
import sys
from functools import partial
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrsched_cli.cli.check import check
from lrsched_cli.cli.clock import clock
from lrsched_cli.cli.compare import compare
from lrsched_cli.cli.completion import answer_bash, is_asked_by_bash
from lrsched_cli.cli.conformance import conformance
from lrsched_cli.cli.export import export
from lrsched_cli.cli.groups import groups
from lrsched_cli.cli.init import init
from lrsched_cli.cli.plot import plot
from lrsched_cli.cli.presets import presets
from lrsched_cli.cli.schema import schema
from lrsched_cli.cli.show import show
from lrsched_cli.cli.streams import abandon_stdout, print_error, print_note
from lrsched_cli.cli.trace import trace
from lrsched_cli.cli.verify_resume import verify_resume
from lrsched_cli.errors import LrschedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

COULD_NOT_RUN = 2
# A terminal that is closed sends SIGHUP, where there is such a thing.
_ENDING = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
COMMANDS: tuple[Callable[..., None], ...] = (
    plot,
    trace,
    show,
    groups,
    compare,
    verify_resume,
    check,
    clock,
    conformance,
    presets,
    init,
    schema,
    export,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time

        typer.echo(f"lrsched {__version__}")
        raise typer.Exit


# Boxes are for terminals: in a pipe or a file they would be cut at 80 columns.
app = typer.Typer(
    rich_markup_mode="rich" if sys.stdout.isatty() and sys.stderr.isatty() else None,
    name="lrsched",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(
    epilog="Exit codes: 0 done · 1 a check found something · 2 could not run · 130 interrupted.",
)
def _lrsched(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """See what a learning-rate schedule will do to every param group, before you train.

    CONFIG is a schedule file (YAML), the name of a shipped schedule such as default, or - for standard
    input. The real scheduler is stepped; no model of yours is trained.
    """


for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run the command line; every error of the user's ends in a message and exit code 2."""
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _terminated)
    # Importing torch and matplotlib makes so many objects that looking for cycles among them costs a
    # tenth of the whole command; nothing here runs long enough, or leaves cycles enough, to want it back.
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a letter that the terminal lacks is shown as its code
            stream.reconfigure(errors="backslashreplace")
    _import_matplotlib_elsewhere()
    try:
        try:
            start = partial(app, prog_name="lrsched")
            answer_bash(start) if is_asked_by_bash() else start()
        finally:
            sys.stdout.flush()
    except LrschedError as error:
        print_error(error)
        sys.exit(COULD_NOT_RUN)
    except OSError as error:  # files are told of as OutputError; what is left is a stream
        abandon_stdout()
        print_note(f"lrsched: standard output cannot be written: {error.strerror}")
        sys.exit(COULD_NOT_RUN)
    except _Terminated as end:
        sys.exit(128 + end.number)


def _import_matplotlib_elsewhere() -> None:
    """Keep matplotlib from a file of its settings in the current folder, which may let it run LaTeX."""
    if not os.path.lexists("matplotlibrc"):
        return
    here = Path.cwd()
    os.chdir(Path(__file__).parent)
    try:
        import_module("matplotlib")  # this once: it is slow, and most commands draw nothing
    finally:
        os.chdir(here)


class _Terminated(BaseException):
    """A signal to end, on its way out through every ``finally``: half-written files are taken away.

    It is no SystemExit, which code of the user's may raise too and which is told of as its failure.
    """

    def __init__(self, number: int) -> None:
        self.number = number


def _terminated(number: int, frame: FrameType | None) -> None:
    del frame
    for ending in _ENDING:  # a second one would cut short what the first one's way out clears away
        signal.signal(ending, lambda *_: None)
    raise _Terminated(number)
