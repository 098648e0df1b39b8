"""Fewer points that draw the same picture."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lrsched_cli.report.decimation import decimated, drawn_points, held

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

VALUES = st.one_of(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400),
    st.lists(st.sampled_from([0.0, 1.0, -1.0]), min_size=1, max_size=400),
)
COLUMNS = st.integers(1, 60)


def series(values: list[float]) -> tuple[Floats, Floats]:
    y = np.array(values, dtype=np.float64)
    return np.arange(len(y), dtype=np.float64) * 3 + 7, y


def stretches(values: Any, columns: int) -> list[Any]:
    """The values of each of ``columns`` stretches of nearly equal length."""
    bounds = [len(values) * place // columns for place in range(columns + 1)]
    return [values[start:end] for start, end in itertools.pairwise(bounds)]


@given(VALUES, COLUMNS)
def test_short_series_come_back_as_they_are(values: list[float], columns: int) -> None:
    x, y = series(values[: 4 * columns])
    few_x, few_y = decimated(x, y, columns)
    assert few_x.tolist() == x.tolist()
    assert few_y.tolist() == y.tolist()


@given(VALUES, COLUMNS)
def test_no_more_than_four_points_remain_of_each_stretch(values: list[float], columns: int) -> None:
    x, y = decimated(*series(values), columns)
    assert len(x) == len(y) <= max(4 * columns, 1)


@given(VALUES, COLUMNS)
def test_every_point_is_one_of_the_series_and_x_still_rises(values: list[float], columns: int) -> None:
    x, y = series(values)
    few_x, few_y = decimated(x, y, columns)
    assert (np.diff(few_x) > 0).all()
    assert (
        dict(zip(few_x.tolist(), few_y.tolist(), strict=True)).items()
        <= dict(zip(x.tolist(), y.tolist(), strict=True)).items()
    )


@given(VALUES, COLUMNS)
def test_the_ends_stay(values: list[float], columns: int) -> None:
    x, y = series(values)
    few_x, few_y = decimated(x, y, columns)
    assert (few_x[0], few_x[-1], few_y[0], few_y[-1]) == (x[0], x[-1], y[0], y[-1])


@given(VALUES, COLUMNS)
def test_each_stretch_keeps_its_ends_its_lowest_and_its_highest(values: list[float], columns: int) -> None:
    x, y = series(values)
    few_x, few_y = decimated(x, y, columns)
    kept = dict(zip(few_x.tolist(), few_y.tolist(), strict=True))
    if len(y) <= 4 * columns:
        assert len(kept) == len(y)
        return
    for steps, lrs in zip(stretches(x, columns), stretches(y, columns), strict=True):
        inside = {step: lr for step, lr in kept.items() if steps[0] <= step <= steps[-1]}
        assert {steps[0], steps[-1]} <= set(inside)
        assert (min(inside.values()), max(inside.values())) == (lrs.min(), lrs.max())


def test_a_long_series_becomes_a_short_one() -> None:
    step = np.arange(1_000_000, dtype=np.float64)
    x, y = decimated(step, np.cos(step / 1000), 500)
    assert 500 < len(x) <= 2000
    assert (y.min(), y.max()) == (np.cos(step / 1000).min(), 1.0)


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=60))
def test_a_held_value_stays_until_the_row_at_which_it_moves_on(values: list[float]) -> None:
    x, y = np.arange(len(values), dtype=np.float64), np.array(values)
    held_x, held_y = held(x, y)
    rows = [(row, values[row]) for row in range(len(values))]
    added = [
        (row, values[row - 1])
        for row in range(2, len(values))
        if values[row] != values[row - 1] == values[row - 2]
    ]
    drawn = list(zip(held_x.tolist(), held_y.tolist(), strict=True))
    assert sorted(drawn) == sorted([*rows, *added])
    assert held_x.tolist() == sorted(held_x.tolist())
    for place in range(1, len(drawn)):
        # What stood still for a row never falls or rises on its way to the next.
        if drawn[place][0] != drawn[place - 1][0] and drawn[place - 1] in rows[1:]:
            row = int(drawn[place - 1][0])
            if values[row - 1] == values[row]:
                assert drawn[place][1] == values[row]


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60, unique=True))
def test_a_curve_that_always_moves_comes_back_as_it_is(values: list[float]) -> None:
    x, y = series(values)
    assert [one.tolist() for one in held(x, y)] == [x.tolist(), y.tolist()]


def test_nothing_is_held_over_rows_that_are_missing() -> None:
    x, y = np.array([0.0, 1.0, 5.0, 6.0]), np.array([1.0, 1.0, 0.5, 0.5])
    assert [one.tolist() for one in held(x, y)] == [x.tolist(), y.tolist()]


@given(VALUES, COLUMNS)
def test_many_points_are_decimated_and_few_held(values: list[float], columns: int) -> None:
    x, y = series(values)
    expected = held(x, y) if len(y) <= 4 * columns else decimated(x, y, columns)
    found = drawn_points(x, y, columns)
    assert [one.tolist() for one in found] == [one.tolist() for one in expected]
