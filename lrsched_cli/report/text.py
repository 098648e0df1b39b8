"""Rich renderables as plain text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

UNLIMITED_WIDTH = 10_000


def plain_text(*parts: RenderableType) -> str:
    """The parts below each other, without colours and without a line ever being cut."""
    console = Console(
        file=io.StringIO(), width=UNLIMITED_WIDTH, color_system=None, force_terminal=False, emoji=False
    )
    for part in parts:
        console.print(part, highlight=False, markup=False, soft_wrap=False)
    text = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    return "\n".join(line.rstrip() for line in text.splitlines())
