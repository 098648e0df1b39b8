"""Arguments and options that several commands share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from lrsched_cli.cli.completion import complete_compared, complete_config, complete_model, complete_setting
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from lrsched_cli.report.panels import Style

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*[x×,]\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_SMALLEST_INCHES, _LARGEST_INCHES = 3.0, 40.0


Config = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG",
        help="A schedule file, a shipped schedule's name, or - for standard input.",
        autocompletion=complete_config,
        show_default=False,
    ),
]
OptionalConfig = Annotated[
    str | None,
    typer.Argument(
        metavar="CONFIG",
        help="A schedule file, a shipped schedule's name, or - for standard input.",
        autocompletion=complete_config,
        show_default="the shipped default",
    ),
]
Compared = Annotated[
    list[str],
    typer.Argument(
        metavar="A B ...",
        help="Schedule files, shipped names, or traces (files ending in .csv); the first is the reference.",
        autocompletion=complete_compared,
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting, such as scheduler.gamma=0.9 or param_groups.head.lr=1e-4; may be repeated.",
        autocompletion=complete_setting,
        show_default=False,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Scheduler steps to take, instead of the file's number.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document, nothing else.")]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Let the file import code of yours; the current folder is on the import path."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="A real model's parameters, for the param groups: weights, an index, a .txt of names, or m:f.",
        show_default="model: of the file",
        autocompletion=complete_model,
    ),
]
NoCsv = Annotated[bool, typer.Option("--no-csv", help="Write the picture alone.")]
LogY = Annotated[bool, typer.Option("--log-y", help="Logarithmic learning rates.")]
Size = Annotated[str, typer.Option(metavar="WxH", help="Width and height in inches.")]
Dpi = Annotated[int, typer.Option(min=30, max=600, help="Dots per inch.")]
Dark = Annotated[bool, typer.Option("--dark", help="Light lines on a dark page.")]


class Look(NamedTuple):
    """What the options say of a picture's look."""

    size: str
    dpi: int
    dark: bool
    log_y: bool

    def check(self) -> None:
        """Raise UsageError for a size that is none."""
        inches(self.size)

    def style(self) -> Style:
        """The same for drawing."""
        width, height = inches(self.size)
        from lrsched_cli.report.panels import Style  # noqa: PLC0415 - imports matplotlib

        return Style(width, height, self.dpi, dark=self.dark, log_y=self.log_y)


def inches(text: str) -> tuple[float, float]:
    """Width and height as ``--size`` states them."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--size must be WIDTHxHEIGHT in inches, such as 8x5 (got {text!r})")
    width, height = float(match[1]), float(match[2])
    if not all(_SMALLEST_INCHES <= one <= _LARGEST_INCHES for one in (width, height)):
        raise UsageError(
            f"--size must be from {_SMALLEST_INCHES:g} to {_LARGEST_INCHES:g} inches each way (got {text!r})"
        )
    return width, height
