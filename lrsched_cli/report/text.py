"""Rich renderables as plain text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.segment import Segment

from lrsched_cli.core.visible_text import visible_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import ConsoleOptions, RenderableType

UNLIMITED_WIDTH = 10_000


class Visible:
    """Another renderable, whose text has no control characters: what a file says moves no cursor."""

    def __init__(self, part: RenderableType) -> None:
        self._part = part

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """What the part is made of, its own styles untouched."""
        for segment in console.render(self._part, options):
            yield segment if segment.control else Segment(visible_lines(segment.text), segment.style)


def plain_text(*parts: RenderableType) -> str:
    """The parts below each other, without colours and without a line ever being cut."""
    console = Console(
        file=io.StringIO(), width=UNLIMITED_WIDTH, color_system=None, force_terminal=False, emoji=False
    )
    for part in parts:
        console.print(Visible(part), highlight=False, markup=False, soft_wrap=False)
    text = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    return "\n".join(line.rstrip() for line in text.splitlines())
