"""Results to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.visible_text import visible, visible_json
from lrsched_cli.errors import MAX_TOLD, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from lrsched_cli.errors import LrschedError


def print_result(*parts: RenderableType) -> None:
    """Print tables and texts to stdout: at the terminal's width there, unlimited and plain in a pipe."""
    from rich.console import Console  # noqa: PLC0415 - only commands with a result need it

    from lrsched_cli.report.text import Visible, plain_text  # noqa: PLC0415

    if not sys.stdout.isatty():
        write_result([plain_text(*parts) + "\n"])
        return
    console = Console(highlight=False, emoji=False)
    for part in parts:
        # A path is copied in one piece.
        console.print(Visible(part), markup=False, soft_wrap=isinstance(part, str))


def write_result(pieces: Iterable[str]) -> None:
    """Write text to stdout as it is; of a reader that has seen enough nothing is said."""
    try:
        for piece in pieces:
            sys.stdout.write(piece)
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()


def write_json(pieces: Iterable[str]) -> None:
    """Write a JSON document to stdout; it stays one on a terminal that lacks its letters."""
    ascii_only = "utf" not in (sys.stdout.encoding or "").lower()
    write_result(visible_json(piece, ascii_only=ascii_only) for piece in pieces)


def abandon_stdout() -> None:
    """Send what is still buffered nowhere; without this the interpreter complains at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def result_width() -> int:
    """The columns that a table may take: the terminal's, or no limit where stdout is none."""
    from lrsched_cli.report.text import UNLIMITED_WIDTH  # noqa: PLC0415

    if not sys.stdout.isatty():
        return UNLIMITED_WIDTH
    from rich.console import Console  # noqa: PLC0415

    return Console().width


def print_note(text: str) -> None:
    """A line on stderr."""
    print(visible(text), file=sys.stderr)


def print_error(error: LrschedError) -> None:
    """Every problem on a line of its own, then the hint if there is one."""
    if not isinstance(error, ScheduleFileError):
        print_note(f"lrsched: {error}")
        return
    for problem in error.problems[:MAX_TOLD]:
        print_note(str(problem))
    if len(error.problems) > MAX_TOLD:
        print_note(f"... and {len(error.problems) - MAX_TOLD:,} more problems")
    if error.hint:
        print_note(error.hint)


def json_or(*, as_json: bool, document: Any, parts: Iterable[RenderableType]) -> None:
    """One JSON document and nothing else, or the tables."""
    if as_json:
        from lrsched_cli.report.json_text import json_text  # noqa: PLC0415

        write_json([json_text(document)])
    else:
        print_result(*parts)
