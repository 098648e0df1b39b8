"""``lrsched check``: what is wrong with schedules, before the training."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lrsched_cli.cli.check_inputs import schedules_in
from lrsched_cli.cli.completion import complete_config
from lrsched_cli.cli.options import Overrides, Trust
from lrsched_cli.cli.streams import write_result

if TYPE_CHECKING:
    from lrsched_cli.analysis.checks.checking import Checked

FOUND, COULD_NOT_RUN = 1, 2


def check(  # noqa: PLR0913 - one argument per option
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Schedule files, folders, patterns such as 'runs/**/*.yaml', shipped names, or -.",
            autocompletion=complete_config,
            show_default=False,
        ),
    ],
    *,
    output: Annotated[
        Literal["text", "json", "github", "sarif"],
        typer.Option("--format", help="How the findings are told.", case_sensitive=False),
    ] = "text",
    strict: Annotated[bool, typer.Option("--strict", help="Let a warning give exit code 1 too.")] = False,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="Ask only these rules; may be repeated.", show_default=False),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="Do not ask these rules; may be repeated.", show_default=False),
    ] = None,
    every_step: Annotated[
        bool,
        typer.Option("--every-step", help="Look at every step of a long run, instead of a sample."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    overrides: Overrides = None,
    trust: Trust = False,
) -> None:
    """Check schedules for mistakes that people really make.

    Findings are errors, warnings and notes, each with its place, its code and what to change. A comment in
    the file, "# lrsched: ignore CODE because REASON", is for those that are meant. Exit code 1: an error, or
    with --strict a warning. 2: a file is no valid schedule.
    """
    from lrsched_cli.analysis.checks.checking import Selection, check_files  # noqa: PLC0415 - not for --help

    selection = Selection.of(select or (), ignore or ())
    with redirect_stdout(sys.stderr):  # what a function of the user's prints is no result
        checked = check_files(
            schedules_in(files),
            overrides=overrides or (),
            trust=trust,
            selection=selection,
            every_step=every_step,
        )
    write_result([_text(checked, "json" if as_json else output)])
    if checked.invalid:
        raise typer.Exit(COULD_NOT_RUN)
    if checked.count("error") or (strict and checked.count("warning")):
        raise typer.Exit(FOUND)


def _text(checked: Checked, output: str) -> str:
    """The findings in a format; each has a module of its own, of which one is needed."""
    if output == "json":
        from lrsched_cli.report.check_json import check_json  # noqa: PLC0415

        return check_json(checked)
    if output == "github":
        from lrsched_cli.report.check_github import check_github  # noqa: PLC0415

        return check_github(checked)
    if output == "sarif":
        from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time
        from lrsched_cli.report.check_sarif import check_sarif  # noqa: PLC0415

        return check_sarif(checked, __version__)
    from lrsched_cli.report.check_text import check_text  # noqa: PLC0415

    return check_text(checked)
