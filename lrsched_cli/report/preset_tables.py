"""The list of shipped schedules as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from lrsched_cli.report.sparkline_text import sparkline_text
from lrsched_cli.report.tables import plain_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from lrsched_cli.core.presets import Preset

_LEAST_DESCRIPTION = 16  # columns


def presets_table(presets: Iterable[Preset], encoding: str = "utf-8") -> Table:
    """One row per schedule: its name, its LR over the run, and what it is; folded in a narrow terminal."""
    table = plain_table("schedule")
    table.add_column(Text("LR over the run"), no_wrap=True)
    table.add_column(Text("description"), overflow="fold", min_width=_LEAST_DESCRIPTION)
    for one in presets:
        table.add_row(Text(one.name), sparkline_text(one.sparkline, encoding), Text(one.description))
    return table
