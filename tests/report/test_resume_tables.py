"""The tables of a resume check, for one save point and for thousands."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resume_reports import failed, report_of, right, wrong
from rich.console import Console

from lrsched_cli.analysis.resume.results import KindResult, SavePoint, SavePointResult
from lrsched_cli.report.resume_tables import (
    MAX_ROWS,
    cell,
    difference_text,
    differences_table,
    kinds_table,
    largest_text,
    listed,
    matrix_tables,
    quantity_text,
)
from lrsched_cli.report.text import UNLIMITED_WIDTH, plain_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from lrsched_cli.analysis.resume.results import ResumeReport

SHAPES = ("first update only", "heals", "late", "permanent")
RECIPES = ("complete", "optimizer-first", "scheduler-only", "optimizer-only-2", "replay")


def cells(table: Any) -> list[str]:
    """A table's rows without its rules, the cells one blank apart."""
    found = (" ".join(line.split()) for line in plain_text(table).splitlines())
    return [line for line in found if set(line) != {"─"}]


def on_a_terminal(table: Any, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, emoji=False, highlight=False)
    console.print(table, markup=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def rows_of(results: Sequence[SavePointResult], labels: dict[int, str] | None = None) -> list[str]:
    points = [SavePoint(one.save_at, (labels or {}).get(one.save_at, "")) for one in results]
    return cells(differences_table(results, points))[1:]


def points(*steps: int, **labels: str) -> list[SavePoint]:
    return [SavePoint(step, labels.get(f"at_{step}", "")) for step in steps]


@pytest.mark.parametrize(
    ("save_points", "text"),
    [
        ([], ""),
        (points(7), "7"),
        (points(7, at_7="restart 1"), "7 (restart 1)"),
        (points(1, 2, 4, 6, 7, 8), "1-2, 4, 6-8"),
        (points(3, 4, 5, at_3="r - 1", at_4="r", at_5="r + 1"), "3-5 (r)"),
        (points(3, 4, 5, 6, at_3="a", at_4="a", at_5="b"), "3-6 (a, b)"),
        (points(999, 1000, 1_234_567), "999-1,000, 1,234,567"),
        (points(3, at_3="r - 1"), "3"),
        (points(1, at_1="[red]x[/red]"), "1 ([red]x[/red])"),
        (points(*range(1, 3000), at_1="first", at_1500="middle"), "1-2,999 (first, middle)"),
    ],
)
def test_save_points_are_listed_as_ranges_with_names(save_points: list[SavePoint], text: str) -> None:
    assert listed(save_points) == text


@given(st.sets(st.integers(1, 99_999), min_size=1))
def test_no_save_point_is_lost_in_a_list(steps: set[int]) -> None:
    found: list[int] = []
    for span in re.split(", ", listed(points(*sorted(steps)))):
        first, _, last = span.replace(",", "").partition("-")
        found += range(int(first), int(last or first) + 1)
    assert found == sorted(steps)


def test_a_list_of_a_thousand_save_points_is_no_page_of_numbers() -> None:
    assert len(listed(points(*range(2, 3000, 2)))) < 1000


def test_a_row_has_save_point_fault_first_difference_count_and_largest_difference() -> None:
    one = wrong(1500, shape="late", update=2001, differing=1234, updates=3500, largest=2.5e-4)
    assert cells(differences_table([one], [SavePoint(1500, "restart 2")])) == [
        "saved after where fault first difference updates differ largest |ΔLR|",
        "1,500 restart 2 late update 2,001: lr of trunk 1,234 of 3,500 2.5e-4",
        "@ 2,001",
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_stands_in_its_row(shape: str) -> None:
    assert rows_of([wrong(5, shape=shape)])[0] == f"5 {shape} update 6: lr of trunk 3 of 95 0.25"


def test_what_failed_is_told_as_such() -> None:
    assert rows_of([failed(5)]) == ["5 failed - - -"]
    (row, _) = rows_of([wrong(5, updates=4, failure="training on failed at update 10: no")])
    assert row == "5 failed update 6: lr of trunk 3 of 4 0.25"


def test_a_difference_that_is_none_of_the_lrs_has_no_largest_one() -> None:
    one = wrong(5, kind="scheduler state", quantity="T_cur", largest=None)
    assert rows_of([one]) == ["5 permanent update 6: scheduler's T_cur 3 of 95 -"]


@pytest.mark.parametrize("count", [1, MAX_ROWS, MAX_ROWS + 1, 2999])
def test_many_rows_are_cut_in_the_middle_and_counted(count: int) -> None:
    rows = rows_of([wrong(save_at, largest=None) for save_at in range(1, count + 1)])
    numbers = [row.split()[0].replace(",", "") for row in rows]
    if count <= MAX_ROWS:
        assert numbers == [str(save_at) for save_at in range(1, count + 1)]
        return
    assert numbers[:20] == [str(save_at) for save_at in range(1, 21)]
    assert rows[20] == f"… {count - MAX_ROWS:,} more"
    assert numbers[21:] == [str(save_at) for save_at in range(count - 19, count + 1)]


def test_names_that_look_like_markup_are_printed_as_they_are() -> None:
    one = wrong(5, quantity="lr of [red]x[/red]")
    (row, _) = rows_of([one], {5: "[b]here[/b]"})
    assert row == "5 [b]here[/b] permanent update 6: lr of [red]x[/red] 3 of 95 0.25"
    assert "lr of [red]x[/red]" in cells(kinds_table([one]))[1]
    terminal = "\n".join(on_a_terminal(differences_table([one], [SavePoint(5, "[b]")]), 120))
    assert "lr of [red]x[/red]" in terminal
    assert "[b]" in terminal


def test_the_differences_fit_a_terminal_of_80_columns() -> None:
    every = [
        wrong(save_at, kind="weights", quantity="encoder.layers.11.self_attention.query_key_value.weight")
        for save_at in range(2_900_000, 2_900_060)
    ]
    found = [SavePoint(one.save_at, "restart 100 - 1") for one in every]
    lines = on_a_terminal(differences_table(every, found))
    assert max(map(len, lines)) <= 80
    assert any("2,900,000" in line for line in lines)


def test_each_kind_is_counted_over_all_save_points() -> None:
    table = kinds_table(
        [
            wrong(9, update=40, differing=1000),
            right(20),
            wrong(30, update=31, differing=500, quantity="momentum of head"),
            wrong(50, kind="weights", quantity="trunk.bias", differing=7),
            failed(60),
            SavePointResult("complete", 70, 0, failure="the checkpoint cannot be written"),
        ]
    )
    assert cells(table) == [
        "what save points updates differ first difference",
        "param groups 2 of 6 1,500 update 31: momentum of head",
        "scheduler state 0 of 6 0 -",
        "optimizer state 0 of 6 0 -",
        "weights 1 of 6 7 update 51: weight trunk.bias",
    ]


@pytest.mark.parametrize(
    ("kind", "quantity", "text"),
    [
        ("param groups", "lr of head", "lr of head"),
        ("scheduler state", "groups[1].T_cur", "scheduler's groups[1].T_cur"),
        ("optimizer state", "step of trunk.weight", "step of trunk.weight"),
        ("weights", "trunk.weight", "weight trunk.weight"),
    ],
)
def test_a_quantity_is_told_with_what_it_belongs_to(kind: Any, quantity: str, text: str) -> None:
    worst = wrong(9, kind=kind, quantity=quantity).worst
    assert worst is not None
    assert quantity_text(worst) == text
    assert difference_text(worst) == f"update 10: {text}"


def test_what_does_not_differ_is_a_dash() -> None:
    assert difference_text(KindResult("weights", 0)) == "-"
    assert largest_text(right(5)) == "-"


def test_the_largest_difference_is_told_with_its_place() -> None:
    assert largest_text(wrong(1999, largest=0.00028284, group="[b]")) == "2.828e-4 in [b], update 2,000"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (right(5), "exact"),
        (failed(5), "failed"),
        (wrong(5, failure="training on failed"), "failed"),
        (wrong(5, kind="scheduler state"), "LRs exact"),
        (wrong(5, kind="optimizer state"), "LRs exact"),
        (wrong(5, kind="weights"), "LRs exact"),
        (wrong(5, shape="first update only"), "1st only"),
        (wrong(5, shape="heals"), "heals"),
        (wrong(5, shape="late"), "late"),
        (wrong(5, shape="permanent"), "permanent"),
    ],
)
def test_a_cell_says_the_result_in_a_word_or_two(result: SavePointResult, text: str) -> None:
    assert cell(result) == text


def matrix(steps: Sequence[int], recipes: Sequence[str] = RECIPES) -> ResumeReport:
    """Neighbouring save points all differ in some recipe, but every third is like the one before it."""
    return report_of(
        right(step, recipe) if (place - place % 3 // 2) % (row + 2) else wrong(step, recipe, shape="late")
        for row, recipe in enumerate(recipes)
        for place, step in enumerate(steps)
    )


def spans(table: Table) -> list[str]:
    return [str(column.header) for column in table.columns[1:]]


def covered(heading: str, steps: Sequence[int]) -> list[int]:
    first, _, last = heading.replace(",", "").replace("…", "-").partition("-")
    return [step for step in steps if int(first) <= step <= int(last or first)]


@pytest.mark.parametrize("width", [20, 40, 80, 120, UNLIMITED_WIDTH])
@pytest.mark.parametrize("count", [1, 2, 40, 2999])
def test_every_save_point_is_in_exactly_one_column(width: int, count: int) -> None:
    steps = [3 * number + 1 for number in range(count)]
    tables = matrix_tables(matrix(steps), width)
    assert [step for one in tables for span in spans(one) for step in covered(span, steps)] == steps
    assert len(tables) > 1 or count <= 2 or width == UNLIMITED_WIDTH


def test_every_cell_is_that_of_its_recipe_and_save_point() -> None:
    steps = list(range(1, 41))
    report = matrix(steps)
    wanted = {(one.recipe, one.save_at): cell(one) for one in report.results}
    found: dict[tuple[str, int], str] = {}
    for table in matrix_tables(report, 80):
        names = list(table.columns[0].cells)
        for column in table.columns[1:]:
            for name, text in zip(names, column.cells, strict=True):
                found |= {(str(name), step): str(text) for step in covered(str(column.header), steps)}
    assert found == wanted


def test_neighbours_with_equal_columns_share_one() -> None:
    report = report_of(
        [
            *(right(step) for step in (4, 5, 9)),
            *(wrong(step, "replay", shape="late") for step in (4, 5)),
            right(9, "replay"),
        ]
    )
    (table,) = matrix_tables(report, 80)
    assert cells(table) == ["recipe 4-5 9", "complete exact exact", "replay late exact"]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_the_matrix_fits_the_terminal(width: int) -> None:
    lines = [
        line
        for table in matrix_tables(matrix(range(1, 3000, 7)), width)
        for line in on_a_terminal(table, width)
    ]
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(
    "start",
    [
        1000,
        10000,
    ],
)
def test_no_heading_of_the_matrix_is_broken_on_80_columns(start: int) -> None:
    report = report_of(
        result
        for step in range(start, start + 60)
        for result in (right(step), right(step, "optimizer-only-2"), wrong(step, "replay"))
        if (result.recipe != "replay") or step // 2 % 2
    )
    for table in matrix_tables(report, 80):
        assert on_a_terminal(table)[0].split() == ["recipe", *spans(table)]


def test_a_recipe_that_was_left_out_has_no_row() -> None:
    report = report_of([right(5), right(5, "replay")], recipes=("complete", "replay", "last-epoch"))
    (table,) = matrix_tables(report, 80)
    assert list(table.columns[0].cells) == ["complete", "replay"]
