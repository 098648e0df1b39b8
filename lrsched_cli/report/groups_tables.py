"""The param groups of a real model in tables: the groups, and what the file's patterns put into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from lrsched_cli.analysis.name_folding import runs_text
from lrsched_cli.core.numbers_text import lr_text, share_text, whole_text
from lrsched_cli.report.tables import plain_table, setting_text, shape_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from lrsched_cli.analysis.model_groups import ModelGroups, PatternContents

MAX_LINES = 400
"""Lines of names; a model of more than these has names of no order."""


def title_line(report: ModelGroups) -> str:
    """What was read, and how much it is."""
    groups = f"{len(report.groups)} param group{'' if len(report.groups) == 1 else 's'}"
    return f"{report.name}: {groups} of {report.optimizer} over {report.source}"


def model_groups_table(report: ModelGroups) -> Table:
    """One row per param group of the optimizer, and one for all."""
    table = plain_table("#", "group", "LR", "weight decay", "tensors", "elements", "share")
    for group in report.groups:
        table.add_row(
            str(group.index),
            Text(group.name),
            lr_text(group.lr),
            setting_text(group.weight_decay),
            whole_text(group.tensors),
            elements_text(group.elements, group.unknown),
            share_text(group.share),
        )
    table.add_row(
        "", "all", "", "", whole_text(report.tensors), elements_text(report.elements, report.unknown), ""
    )
    return table


def contents_parts(report: ModelGroups) -> list[RenderableType]:
    """The parameters that each pattern took, folded, each with its shape and the layers that it is in."""
    layered = any(line.layers for part in report.contents for line in part.lines)
    headings = ("shape", *(("layers",) if layered else ()), "tensors", "elements")
    table = plain_table("parameter", *headings)
    rows = 0
    for part in report.contents:
        table.add_row(Text(heading(part), style="bold"))
        for line in part.lines[: MAX_LINES - rows]:
            one = line.names
            also = f" = {', '.join(one.also)}" if one.also else ""
            table.add_row(
                Text(f"  {one.names}{also}"),
                shape_or_unknown(one.shape),
                *([runs_text(line.layers) or "-"] if layered else []),
                whole_text(one.tensors),
                "?" if one.elements is None else whole_text(one.elements),
            )
        rows += len(part.lines)
    if rows <= MAX_LINES:
        return [table]
    return [table, f"... and {rows - MAX_LINES:,} lines more; --params lists every parameter"]


def heading(part: PatternContents) -> str:
    """The group, its weight decay where that was taken away, and the pattern."""
    decay = ", no decay" if part.no_decay else ""
    return f"{part.group}{decay}: {part.pattern or 'takes the rest'}"


def every_parameter_table(report: ModelGroups) -> Table:
    """Every parameter with its shape, by param group."""
    table = plain_table("#", "group", "parameter", "shape")
    for group in report.groups:
        for place, one in enumerate(group.parameters):
            also = f" = {', '.join(one.also)}" if one.also else ""
            first = (str(group.index), Text(group.name)) if place == 0 else ("", "")
            table.add_row(*first, Text(one.name + also), shape_or_unknown(one.shape))
    return table


def elements_text(elements: int, unknown: int) -> str:
    """Numbers of elements; a question mark where some are not known.

    >>> elements_text(1200, 0), elements_text(1200, 3), elements_text(0, 3)
    ('1,200', '1,200 + ?', '?')
    """
    if not unknown:
        return whole_text(elements)
    return f"{whole_text(elements)} + ?" if elements else "?"


def shape_or_unknown(shape: Sequence[int] | None) -> str:
    """A shape, or a question mark."""
    return "?" if shape is None else shape_text(shape)
