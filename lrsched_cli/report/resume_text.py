"""A resume check in words: what was run, where it is identical, what differs, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from lrsched_cli.analysis.resume.recipes import COMPLETE, RECIPES, Recipe
from lrsched_cli.core.numbers_text import lr_text, whole_text
from lrsched_cli.report.compare_tables import value_text
from lrsched_cli.report.resume_tables import (
    FIRST_ONLY,
    cell,
    differences_table,
    kinds_table,
    largest_text,
    listed,
    matrix_tables,
    quantity_text,
)
from lrsched_cli.report.text import UNLIMITED_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from lrsched_cli.analysis.resume.results import ResumeReport, SavePointResult

_MOST_FAILURES = 5
_EXACTLY = (
    "Continues exactly: every number of the param groups, the scheduler's state, the optimizer's state and "
    "the weights are the same, bit for bit, at every update to the end."
)


def report_parts(report: ResumeReport, width: int = UNLIMITED_WIDTH) -> list[RenderableType]:
    """The whole report, from what was run to the verdict; ``width`` in columns."""
    parts: list[RenderableType] = [*_what_was_run(report), ""]
    parts += _where_identical(report)
    if len(report.recipes) > 1:
        parts += ["", *_matrix_parts(report, width)]
    return [*parts, "", *verdict_lines(report)]


def _what_was_run(report: ResumeReport) -> Iterator[Text]:
    groups = f"{len(report.groups)} param group{'s' * (len(report.groups) != 1)}"
    yield Text(
        f"{report.name}: {report.scheduler} over {report.optimizer}, {groups}, "
        f"{whole_text(report.steps)} updates, loop {report.loop}"
    )
    where = "a new Python process" if report.fresh_process else "this process"
    yield Text(
        f"Saved by torch.save, restored in {where}, trained to the end (torch {report.torch_version})."
    )
    if report.boundaries_left_out:
        more = whole_text(report.boundaries_left_out)
        were = "boundary was" if report.boundaries_left_out == 1 else "boundaries were"
        yield Text(f"{more} more {were} left out; --save-at all takes every step.")


def _where_identical(report: ResumeReport) -> Iterator[RenderableType]:
    results = report.of_recipe(COMPLETE)
    identical = {one.save_at for one in results if one.identical}
    points = [point for point in report.save_points if point.step in identical]
    count = f"{whole_text(len(points))} of {whole_text(len(results))} save points"
    yield Text(f"Identical at {count}{': ' if points else ''}{listed(points)}")
    others = [one for one in results if not one.identical]
    if others:
        yield ""
        yield differences_table(others, report.save_points)
        if any(one.worst for one in others):
            yield ""
            yield kinds_table(results)
        yield from (Text(line) for line in _details(others))


def _details(results: Sequence[SavePointResult]) -> Iterator[str]:
    """The first difference in numbers, and why runs failed."""
    yield ""
    for one in results:
        if one.worst is not None and one.worst.first is not None:
            first = one.worst.first
            at = f"Saved after {whole_text(one.save_at)}, update {whole_text(first.update)}"
            values = "{} instead of {}".format(*_values(first.resumed, first.expected))
            largest = f"; largest |ΔLR| {largest_text(one)}" if one.largest_lr else ""
            yield f"{at}: {quantity_text(one.worst)} is {values}{largest}."
            if one.worst.also:
                yield f"There also: {', '.join(one.worst.also)}."
            break
    failed = [one for one in results if one.failure]
    for one in failed[:_MOST_FAILURES]:
        yield f"Saved after {whole_text(one.save_at)}: {one.failure}"
    if len(failed) > _MOST_FAILURES:
        yield f"... and {whole_text(len(failed) - _MOST_FAILURES)} more failed"


def _values(*values: Any) -> list[str]:
    """Values beside each other: in a few digits where these tell them apart, else in all."""
    short = [lr_text(one) if isinstance(one, float) else "" for one in values]
    if len(set(short)) == len(values) and all(short):
        return short
    long = ["missing" if one is None else value_text(one) for one in values]
    return long if len(set(long)) == len(values) else list(map(repr, values))


def _matrix_parts(report: ResumeReport, width: int) -> Iterator[RenderableType]:
    yield "Ways to restore, by save point"
    for place, table in enumerate(matrix_tables(report, width)):
        yield from ([""] if place else [])
        yield table
    yield Text("exact: everything · LRs exact: every number of the param groups, not all other state")
    yield Text(f"{FIRST_ONLY}: one update is wrong · late: right at first · heals: right at the end")
    yield ""
    for recipe in RECIPES:
        yield from (Text(line) for line in _advice(report, recipe))
    for skipped in report.skipped:
        yield Text(f"{skipped.recipe}: left out, {skipped.reason}")


def _advice(report: ResumeReport, recipe: Recipe) -> Iterator[str]:
    """One line for a recipe that fails; where all its LRs are right, why nothing more can be."""
    results = report.of_recipe(recipe.label)
    if _verdicts(report, recipe.label) == _verdicts(report, COMPLETE):  # nothing that the recipe does
        return
    failing = [one for one in results if not one.identical]
    if not failing:
        return
    if all(one.numbers_identical for one in failing) and recipe.limit:
        yield f"{recipe.label} ({recipe.what}): {recipe.limit}"
        return
    largest = max(failing, key=lambda one: one.largest_lr.value if one.largest_lr else 0.0)
    apart = ""
    if largest.largest_lr is not None:
        apart = f" (largest |ΔLR| {largest_text(largest)}, saved after {whole_text(largest.save_at)})"
    yield f"{recipe.label} ({recipe.what}): {recipe.advice}{apart}"
    yield from (f"  {one.failure}" for one in failing[:1] if one.failure)


def _verdicts(report: ResumeReport, recipe: str) -> list[str]:
    return [cell(one) for one in report.of_recipe(recipe)]


def verdict_lines(report: ResumeReport) -> Iterator[Text]:
    """Whether the run continues exactly, and if not, what that means."""
    failing = [one for one in report.of_recipe(COMPLETE) if not one.identical]
    if not failing:
        yield Text(_EXACTLY)
        return
    total = len(report.of_recipe(COMPLETE))
    yield Text(
        f"Does not continue exactly after {whole_text(len(failing))} of {whole_text(total)} save points."
    )
    yield Text(_meaning(failing))


def _meaning(failing: Sequence[SavePointResult]) -> str:
    if any(one.failure for one in failing):
        return "Some runs could not be saved, restored or trained on at all; the reasons are above."
    kinds = {one.worst.kind for one in failing if one.worst}
    if "param groups" in kinds:
        return (
            "Updates run at other numbers than without the interruption, though both states were saved and "
            "loaded in the right order: the scheduler's (or optimizer's) own state_dict() or "
            "load_state_dict() leaves something out."
        )
    if "scheduler state" in kinds:
        return (
            "All updates run at the right LRs to the end of this run, but the scheduler's state is another."
        )
    return (
        "All updates run at the right LRs, but the optimizer's state or the weights are not restored exactly."
    )
