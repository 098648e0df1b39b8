"""A resume check in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from resume_reports import failed, report_of, right, wrong
from rich.table import Table
from rich.text import Text

from lrsched_cli.analysis.resume.recipes import RECIPES
from lrsched_cli.analysis.resume.results import SkippedRecipe
from lrsched_cli.report.resume_text import report_parts, verdict_lines
from lrsched_cli.report.text import plain_text

if TYPE_CHECKING:
    from lrsched_cli.analysis.resume.results import ResumeReport

EXACTLY = "Continues exactly: every number of the param groups, the scheduler's state, "
LEGEND = "exact: everything · LRs exact: every number of the param groups, not all other state"


def told(report: ResumeReport, width: int = 10_000) -> list[str]:
    return plain_text(*report_parts(report, width)).splitlines()


def the_line(lines: list[str], start: str) -> str:
    (line,) = [one for one in lines if one.startswith(start)]
    return line


def test_one_save_point_that_holds_is_told_in_five_lines() -> None:
    lines = told(report_of([right(50)], {50: "middle"}))
    assert lines[:5] == [
        "s: StepLR over SGD, 2 param groups, 100 updates, loop optimizer-first",
        "Saved by torch.save, restored in a new Python process, trained to the end (torch 9.9.9).",
        "",
        "Identical at 1 of 1 save points: 50 (middle)",
        "",
    ]
    assert lines[5].startswith(EXACTLY)
    assert len(lines) == 6


def test_what_was_run_is_told() -> None:
    report = report_of(
        [right(50)], groups=("only",), steps=12_345, fresh_process=False, boundaries_left_out=1234
    )
    lines = told(report)
    assert "1 param group, 12,345 updates" in lines[0]
    assert "restored in this process," in lines[1]
    assert lines[2] == "1,234 more boundaries were left out; --save-at all takes every step."


def test_one_boundary_that_was_left_out_is_one() -> None:
    assert "1 more boundary was left out" in told(report_of([right(50)], boundaries_left_out=1))[2]


def test_forty_save_points_are_ranges_with_names() -> None:
    labels = {3: "warm-up end - 1", 4: "warm-up end", 5: "warm-up end + 1", 30: "restart 1"}
    lines = told(report_of([right(step) for step in range(1, 41) if step != 20], labels))
    assert lines[3] == "Identical at 39 of 39 save points: 1-19 (warm-up end), 21-40 (restart 1)"


def test_three_thousand_save_points_are_told_as_briefly() -> None:
    lines = told(report_of([right(step, steps=3000) for step in range(1, 3000)], {1500: "middle"}))
    assert lines[3] == "Identical at 2,999 of 2,999 save points: 1-2,999 (middle)"
    assert len(lines) == 6


def test_three_thousand_wrong_ones_are_cut_in_the_middle() -> None:
    lines = told(report_of([wrong(step, largest=None) for step in range(1, 3000)]))
    assert lines[3] == "Identical at 0 of 2,999 save points"
    assert " ".join(the_line(lines, "          …").split()) == "… 2,959 more"
    assert "Does not continue exactly after 2,999 of 2,999 save points." in lines
    assert len(lines) < 70


def test_right_and_wrong_ones_are_told_apart() -> None:
    lines = told(report_of([right(4), wrong(5, shape="late"), right(6), right(7)], {5: "milestone"}))
    assert lines[3] == "Identical at 3 of 4 save points: 4, 6-7"
    rows = [line.split() for line in lines]
    assert ["5", "milestone", "late", "update", "6:", "lr", "of", "trunk", "3", "of", "95", "0.25"] in rows
    assert ["param", "groups", "1", "of", "4", "3", "update", "6:", "lr", "of", "trunk"] in rows
    assert "Does not continue exactly after 1 of 4 save points." in lines


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.5, 0.25), "0.25 instead of 0.5"),
        ((1e-3, 2e-4), "2e-4 instead of 1e-3"),
        ((0.1, math.nextafter(0.1, 1)), "0.10000000000000002 instead of 0.1"),
        ((0.1, math.nan), "nan instead of 0.1"),
        ((0.1, math.inf), "inf instead of 0.1"),
        pytest.param((0.0, -0.0), "-0.0 instead of 0.0"),
        ((5, 6), "6 instead of 5"),
        ((5, None), "missing instead of 5"),
        ((None, 0.25), "0.25 instead of missing"),
        (("cos", "[red]linear[/red]"), "[red]linear[/red] instead of cos"),
    ],
)
def test_the_first_difference_is_told_in_numbers(values: tuple[Any, Any], text: str) -> None:
    lines = told(report_of([right(4), wrong(5, values=values), wrong(9)]))
    assert the_line(lines, "Saved after") == (
        f"Saved after 5, update 6: lr of trunk is {text}; largest |ΔLR| 0.25 in trunk, update 6."
    )


def test_where_no_lr_differs_no_largest_difference_is_told() -> None:
    lines = told(report_of([wrong(5, quantity="momentum of head", largest=None)]))
    assert (
        the_line(lines, "Saved after") == "Saved after 5, update 6: momentum of head is 0.25 instead of 0.5."
    )


def test_what_else_differs_at_that_update_is_told() -> None:
    lines = told(report_of([wrong(5, also=("lr of head", "momentum of [b]"))]))
    assert "There also: lr of head, momentum of [b]." in lines


def test_failures_are_told_five_at_most() -> None:
    lines = told(
        report_of([failed(step, why=f"restoring failed: [red]{step}[/red]") for step in range(1, 9)])
    )
    assert [line for line in lines if line.startswith("Saved after")] == [
        f"Saved after {step}: restoring failed: [red]{step}[/red]" for step in range(1, 6)
    ]
    assert "... and 3 more failed" in lines
    few = told(report_of([failed(step) for step in range(1, 6)]))
    assert not any("more failed" in line for line in few)


def test_where_nothing_could_be_compared_no_table_says_that_nothing_differs() -> None:
    lines = told(report_of([failed(5), failed(6)]))
    assert not any(line.startswith("weights") for line in lines)


VERDICTS = {
    "param groups": "Updates run at other numbers than without the interruption, ",
    "scheduler state": "All updates run at the right LRs to the end of this run, but the scheduler's state",
    "optimizer state": "All updates run at the right LRs, but the optimizer's state or the weights",
    "weights": "All updates run at the right LRs, but the optimizer's state or the weights",
}


@pytest.mark.parametrize("kind", VERDICTS)
def test_the_verdict_says_what_the_fault_means(kind: str) -> None:
    report = report_of([right(4), wrong(5, kind=kind), wrong(6, kind=kind)])
    first, second = (line.plain for line in verdict_lines(report))
    assert first == "Does not continue exactly after 2 of 3 save points."
    assert second.startswith(VERDICTS[kind])


def test_the_worst_kind_of_all_save_points_counts() -> None:
    report = report_of([wrong(5, kind="weights"), wrong(6), wrong(7, kind="scheduler state")])
    assert [line.plain for line in verdict_lines(report)][1].startswith(VERDICTS["param groups"])
    (_, second) = verdict_lines(report_of([wrong(5), failed(6)]))
    assert second.plain.startswith("Some runs could not be saved, restored or trained on ")


def test_the_verdict_is_about_complete_alone() -> None:
    (line,) = verdict_lines(report_of([right(5), wrong(5, "replay"), failed(5, "last-epoch")]))
    assert line.plain.startswith(EXACTLY)


def test_one_recipe_needs_no_matrix() -> None:
    lines = told(report_of([right(5), wrong(6)]))
    assert "Ways to restore, by save point" not in lines
    assert LEGEND not in lines


def test_other_ways_to_restore_are_a_matrix_with_advice() -> None:
    lines = told(
        report_of(
            [
                right(5),
                right(1234),
                wrong(5, "optimizer-first", largest=0.125, shape="late"),
                wrong(1234, "optimizer-first", largest=0.5, group="[b]head"),
                wrong(5, "scheduler-only", kind="weights", largest=None),
                wrong(1234, "scheduler-only", kind="optimizer state", largest=None),
                right(5, "loaded-twice"),
                right(1234, "loaded-twice"),
            ],
            recipes=("complete", "optimizer-first", "scheduler-only", "loaded-twice", "last-epoch"),
            skipped=(SkippedRecipe("last-epoch", "no [red]reason[/red]"),),
        )
    )
    start = lines.index("Ways to restore, by save point")
    assert [line.split() for line in lines[start + 1 : start + 7] if "─" not in line] == [
        ["recipe", "5", "1,234"],
        ["complete", "exact", "exact"],
        ["optimizer-first", "late", "permanent"],
        ["scheduler-only", "LRs", "exact", "LRs", "exact"],
        ["loaded-twice", "exact", "exact"],
    ]
    assert lines[start + 7] == LEGEND
    what = {one.label: one for one in RECIPES}
    advice = what["optimizer-first"].advice
    assert the_line(lines, "optimizer-first (").endswith(
        f"): {advice} (largest |ΔLR| 0.5 in [b]head, update 1,235, saved after 1,234)"
    )
    assert the_line(lines, "scheduler-only (").endswith(f"): {what['scheduler-only'].limit}")
    assert the_line(lines, "last-epoch:") == "last-epoch: left out, no [red]reason[/red]"
    assert not any(line.startswith(("complete (", "loaded-twice (")) for line in lines)


def test_a_way_to_restore_that_fails_says_why() -> None:
    lines = told(report_of([right(5), failed(5, "replay", why="restoring failed: [red]no[/red]")]))
    assert "  restoring failed: [red]no[/red]" in lines
    assert the_line(lines, "replay (").endswith("moments cannot be replayed")


def test_names_that_look_like_markup_are_printed_as_they_are() -> None:
    report = report_of(
        [wrong(5, quantity="lr of [red]x[/red]", group="[red]x[/red]")],
        {5: "[b]"},
        name="[green]s",
        optimizer="[i]O",
        scheduler="[u]S[/u]",
        groups=("[red]x[/red]",),
    )
    lines = told(report)
    assert lines[0].startswith("[green]s: [u]S[/u] over [i]O, 1 param group, ")
    assert "lr of [red]x[/red] is 0.25" in the_line(lines, "Saved after 5,")
    assert sum("[red]x[/red]" in line for line in lines) == 3


def test_groups_without_a_name_are_told_by_their_number() -> None:
    report = report_of(
        [wrong(5, quantity="lr of group 1", group="group 1")], groups=("group 0", "group 1", "group 2")
    )
    assert "3 param groups" in told(report)[0]
    assert "lr of group 1 is 0.25 instead of 0.5; largest |ΔLR| 0.25 in group 1" in "\n".join(told(report))


def many_columns() -> ResumeReport:
    return report_of(
        result
        for step in range(1, 41)
        for result in (right(step), wrong(step, "replay") if step % 2 else right(step, "replay"))
    )


def test_a_matrix_wider_than_the_terminal_is_several_tables() -> None:
    for width, count in ((80, 6), (10_000, 1)):
        headers = [line for line in told(many_columns(), width) if line.startswith("recipe ")]
        assert len(headers) == count
        assert [step for line in headers for step in line.split()[1:]] == [str(n) for n in range(1, 41)]


def test_no_line_of_its_own_is_wider_than_80_columns() -> None:
    parts = report_parts(many_columns(), 80)
    assert [part for part in parts if not isinstance(part, Text | Table) and len(str(part)) > 80] == []


def test_the_same_report_says_the_same() -> None:
    assert told(many_columns(), 80) == told(many_columns(), 80)
