"""The tables of a resume check: readable at a glance for one save point and for forty."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from lrsched_cli.analysis.resume.results import KINDS
from lrsched_cli.core.numbers_text import lr_text, whole_text
from lrsched_cli.report.tables import at_text, plain_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.table import Table

    from lrsched_cli.analysis.resume.results import KindResult, ResumeReport, SavePoint, SavePointResult

MAX_ROWS = 40
FIRST_ONLY = "1st only"
_NEIGHBOURS = (" - 1", " + 1")
_NOTHING = "-"
_WIDEST_CELL = 9  # letters


def listed(points: Sequence[SavePoint]) -> str:
    """Save points in a line: neighbours as ranges, with the names of what is there.

    >>> from lrsched_cli.analysis.resume.results import SavePoint
    >>> listed([SavePoint(1, "first"), SavePoint(4), SavePoint(5, "restart 1"), SavePoint(6)])
    '1 (first), 4-6 (restart 1)'
    """
    shown = []
    for _, run in groupby(enumerate(points), lambda one: one[1].step - one[0]):
        members = [point for _, point in run]
        names = [point.label for point in members if point.label and not point.label.endswith(_NEIGHBOURS)]
        span = span_text(members)
        shown.append(f"{span} ({', '.join(dict.fromkeys(names))})" if names else span)
    if len(shown) > MAX_ROWS:
        left_out = f"… ({whole_text(len(shown) - MAX_ROWS)} more)"
        shown = [*shown[: MAX_ROWS - 2], left_out, *shown[-2:]]
    return ", ".join(shown)


def span_text(points: Sequence[SavePoint]) -> str:
    """The first and the last of some save points: ``4-6`` where there is every step, else ``4…9``."""
    first, last = points[0].step, points[-1].step
    if first == last:
        return whole_text(first)
    return f"{whole_text(first)}{'-' if last - first + 1 == len(points) else '…'}{whole_text(last)}"


def differences_table(results: Sequence[SavePointResult], points: Iterable[SavePoint]) -> Table:
    """One row for each save point that does not continue exactly, forty at most."""
    labels = {point.step: point.label for point in points}
    table = plain_table(
        "saved after", "where", "fault", "first difference", "updates differ", "largest |ΔLR|"
    )
    half = MAX_ROWS // 2
    head, tail = (results[:half], results[-half:]) if len(results) > MAX_ROWS else (results, [])
    for one in head:
        table.add_row(*_difference_row(one, labels))
    if tail:
        table.add_row("…", Text(f"{whole_text(len(results) - MAX_ROWS)} more"))
    for one in tail:
        table.add_row(*_difference_row(one, labels))
    return table


def _difference_row(result: SavePointResult, labels: dict[int, str]) -> list[str | Text]:
    row: list[str | Text] = [whole_text(result.save_at), Text(labels[result.save_at])]
    worst, largest = result.worst, result.largest_lr
    if worst is None or worst.first is None:
        return [*row, "failed", _NOTHING, _NOTHING, _NOTHING]
    return [
        *row,
        "failed" if result.failure else str(worst.shape),
        Text(difference_text(worst)),
        f"{whole_text(worst.differing)} of {whole_text(result.updates)}",
        _NOTHING if largest is None else at_text(largest.value, largest.update),
    ]


def difference_text(result: KindResult) -> str:
    """The update at which a kind differs first, and the quantity."""
    if result.first is None:
        return _NOTHING
    return f"update {whole_text(result.first.update)}: {quantity_text(result)}"


def quantity_text(result: KindResult) -> str:
    """The first quantity of a kind that differs, such as ``lr of head`` or ``scheduler's T_cur``."""
    name = result.first.quantity if result.first else ""
    return {"scheduler state": f"scheduler's {name}", "weights": f"weight {name}"}.get(result.kind, name)


def kinds_table(results: Sequence[SavePointResult]) -> Table:
    """For each kind of what a run holds: at how many save points it differs, and in how many updates."""
    table = plain_table("group", "save points", "updates differ", "first difference")
    table.columns[0].header = Text("what")
    for place, kind in enumerate(KINDS):
        found = [one.kinds[place] for one in results if one.kinds and one.kinds[place].differing]
        first = min(found, key=lambda one: one.first.update if one.first else 0, default=None)
        table.add_row(
            kind,
            f"{whole_text(len(found))} of {whole_text(len(results))}",
            whole_text(sum(one.differing for one in found)),
            _NOTHING if first is None else Text(difference_text(first)),
        )
    return table


def matrix_tables(report: ResumeReport, width: int) -> list[Table]:
    """The matrix of recipes and save points; neighbouring save points with equal columns share one.

    As many tables below each other as ``width`` asks for.
    """
    rows = {recipe: dict(_cells(report, recipe)) for recipe in report.recipes}
    rows = {recipe: cells for recipe, cells in rows.items() if cells}

    def column(point: SavePoint) -> tuple[str, ...]:
        return tuple(cells.get(point.step, _NOTHING) for cells in rows.values())

    columns = [list(run) for _, run in groupby(report.save_points, column)]
    tables = []
    for shown in _side_by_side(columns, width - max(map(len, rows), default=0) - 1):
        table = plain_table("recipe")
        for points in shown:
            table.add_column(Text(span_text(points)), justify="right", no_wrap=True)
        for recipe, cells in rows.items():
            table.add_row(recipe, *(cells.get(points[0].step, _NOTHING) for points in shown))
        tables.append(table)
    return tables


def _side_by_side(columns: Iterable[list[SavePoint]], width: int) -> Iterator[list[list[SavePoint]]]:
    """The columns in portions that fit, one at least in each."""
    shown: list[list[SavePoint]] = []
    taken = 0
    for points in columns:
        wide = max(len(span_text(points)), _WIDEST_CELL) + 1
        if shown and taken + wide > width:
            yield shown
            shown, taken = [], 0
        shown.append(points)
        taken += wide
    if shown:
        yield shown


def _cells(report: ResumeReport, recipe: str) -> Iterator[tuple[int, str]]:
    for one in report.of_recipe(recipe):
        yield one.save_at, cell(one)


def cell(result: SavePointResult) -> str:
    """A result in a word or two: ``exact``, ``LRs exact``, the shape of the fault, or ``failed``.

    ``LRs exact`` says that every number of the param groups is, while other state is not.
    """
    if result.failure:
        return "failed"
    if result.identical:
        return "exact"
    if result.numbers_identical:
        return "LRs exact"
    shape = str(result.kinds[0].shape)
    return FIRST_ONLY if shape == "first update only" else shape


def largest_text(result: SavePointResult) -> str:
    """The largest difference of an LR, and where it is."""
    largest = result.largest_lr
    if largest is None:
        return _NOTHING
    return f"{lr_text(largest.value)} in {largest.group}, update {whole_text(largest.update)}"
