"""The matrix in words: for a terminal, and for a page."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from lrsched_cli.analysis.conformance import Configuration, ConformanceReport, Library, Verdict, conformance
from lrsched_cli.report.conformance_text import (
    BEGIN,
    END,
    conformance_markdown,
    conformance_parts,
    page_of,
    with_table,
)
from lrsched_cli.report.text import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPES = ("complete", "optimizer-first", "replay")


class Told(Configuration):
    """A configuration whose verdicts are given."""

    verdicts: Mapping[str, Verdict]

    def verdict(self, recipe: str) -> Verdict:
        return self.verdicts[recipe]


def row(kind: str, *verdicts: Verdict, **changed: Any) -> Configuration:
    found = Told(**{"family": "torch", "type": kind, "settings": ("gamma 0.5",), "report": None, **changed})
    object.__setattr__(found, "verdicts", dict(zip(RECIPES, verdicts, strict=True)))
    return found


EXACT, ONLY_LRS = Verdict("exact"), Verdict("LRs exact")


def report(*rows: Configuration, **changed: Any) -> ConformanceReport:
    libraries = (Library("lrsched", "0.9"), Library("torch", "2.13.0+cpu"))
    return ConformanceReport(
        **{
            "libraries": libraries,
            "recipes": RECIPES,
            "configurations": rows,
            "no_example": (),
            **changed,
        }
    )


GOOD = report(
    row("AnLR", EXACT, Verdict("permanent", 0.0905, (5, 20)), ONLY_LRS),
    row("OtherLR", EXACT, Verdict("first update only", None, (1, 4, 5, 6, 13)), ONLY_LRS, settings=()),
)


def test_the_matrix_reads_like_this() -> None:
    lines = plain_text(*conformance_parts(GOOD)).splitlines()
    assert lines == [
        "2 configurations, by torch 2.13.0",
        "Each over two param groups (base LRs 0.1 and 0.02), saved after updates",
        "1, 4, 5, 6, 13, 20, 31, 39, restored in this process and trained to the end.",
        "",
        "torch 2.13.0+cpu",
        "                         optim.",
        "scheduler        compl.   first",
        "───────────────────────────────",
        "AnLR: gamma 0.5   exact   perm.",
        "OtherLR           exact     1st",
        "",
        "exact: everything, bit for bit",
        "LRs: every number of the param groups, not all other state",
        "1st: the first update is wrong · late: right at first · heals: right at the end",
        "perm.: wrong from the first to the last · fails: not restored · n/a: not tried",
        "replay: LRs exact in every row.",
        "",
        "All 2 continue exactly where the scheduler is built, then both states loaded.",
    ]


def test_the_page_has_the_largest_differences_and_where_they_are() -> None:
    assert conformance_markdown(GOOD).splitlines() == [
        "Measured with torch 2.13.0.",
        "",
        "**torch**",
        "",
        "| scheduler | `complete` | `optimizer-first` |",
        "| --- | --- | --- |",
        "| `AnLR`: `gamma 0.5` | exact | permanent 0.0905 at 5, 20 |",
        "| `OtherLR` | exact | first update only |",
        "",
        "- replay: LRs exact in every row.",
    ]


def test_a_bar_in_a_formula_does_not_end_its_cell() -> None:
    found = report(row("AnLR", EXACT, EXACT, EXACT, settings=("lr_lambda 1 | 2",)))
    assert "`lr_lambda 1 \\| 2`" in conformance_markdown(found)


def test_what_does_not_continue_exactly_is_named() -> None:
    bad = row("BadLR", Verdict("late", 0.25, (13,)), EXACT, EXACT)
    lines = plain_text(*conformance_parts(replace(GOOD, configurations=(*GOOD.configurations, bad))))
    assert lines.splitlines()[-2:] == [
        "1 of 3 do not continue exactly after a complete restore:",
        "  BadLR: gamma 0.5: late 0.25 at 13",
    ]


def test_what_is_not_checked_is_told() -> None:
    absent = Library("transformers", None, "needs the transformers package: pip install it")
    failing = row("BadLR", Verdict("fails"), Verdict("fails"), Verdict("fails"), failure="it raised")
    found = report(failing, libraries=(*GOOD.libraries, absent), no_example=("NewLR", "NewerLR"))
    told = [
        "Not checked: transformers, which needs the transformers package: pip install it.",
        "No example, so not checked: NewLR, NewerLR.",
        "BadLR: gamma 0.5: cannot be run: it raised.",
    ]
    text = plain_text(*conformance_parts(found)).splitlines()
    assert [line for line in told if line in text] == told
    assert [f"- {line}" for line in told if f"- {line}" in conformance_markdown(found)] == [
        f"- {line}" for line in told
    ]


def test_nothing_but_types_without_an_example() -> None:
    text = plain_text(*conformance_parts(report(no_example=("NewLR",)))).splitlines()
    assert text[-2:] == ["No example, so not checked: NewLR.", "Nothing was checked."]


def test_reasons_are_told_once_for_the_recipes_that_share_them() -> None:
    text = plain_text(*conformance_parts(conformance(["ReduceLROnPlateau", "StepLR", "LRScheduler"])))
    assert (
        "last-epoch n/a: the constructor of LRScheduler takes no last_epoch; "
        "the constructor of ReduceLROnPlateau takes no last_epoch."
    ) in text.splitlines()


@pytest.mark.parametrize("patterns", [["StepLR"], ["CosineAnnealingW*", "SequentialLR"]])
def test_the_tables_fit_into_eighty_columns(patterns: list[str]) -> None:
    screen = io.StringIO()
    console = Console(width=80, file=screen)
    for part in conformance_parts(conformance(patterns)):
        console.print(part, highlight=False, markup=False)
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    assert [line for line in lines if "compl." in line]


def test_a_table_takes_the_place_of_the_old_one_and_nothing_else() -> None:
    page = "before\n" + page_of("old\n") + "after\n"
    assert with_table(page, "new\n") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert with_table("no marks", "new\n") is None
    assert with_table(f"{BEGIN} and no end", "new\n") is None
