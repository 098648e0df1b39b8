"""What is told of a plain curve of LRs: where its warm-up ends, where it restarts, where it turns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsched_cli.analysis.curve import restarts, turns, warmup_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

lrs = st.floats(1e-8, 10)
lengths = st.integers(3, 60)


def curve(rows: int, factor: Callable[[int], float], lr: float = 0.1) -> Floats:
    return lr * np.array([factor(row) for row in range(rows)])


def turning(lr: Floats) -> list[int]:
    found: list[int] = turns(lr[:, np.newaxis]).tolist()
    return found


def told(lr: Floats) -> tuple[int, list[int], list[int]]:
    return warmup_end(lr), restarts(lr).tolist(), turning(lr)


def half_cosine(share: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * share))


def triangle(up: int, down: int) -> Callable[[int], float]:
    def factor(row: int) -> float:
        place = row % (up + down)
        return 0.1 + 0.9 * (place / up if place <= up else 1 - (place - up) / down)

    return factor


def restarting(first: int, times: int) -> tuple[Callable[[int], float], Callable[[int], list[int]]]:
    """Cosine cycles, each ``times`` as long as the one before; and where they begin below a limit."""
    begins, length = [0], first
    while begins[-1] < 500:
        begins.append(begins[-1] + length)
        length *= times

    def factor(row: int) -> float:
        cycle = max(n for n, begin in enumerate(begins) if begin <= row)
        return half_cosine((row - begins[cycle]) / (begins[cycle + 1] - begins[cycle]))

    return factor, lambda rows: [begin for begin in begins[1:] if begin < rows]


@given(warmup=st.integers(1, 60), decay=lengths, lr=lrs)
def test_a_linear_warm_up_and_a_cosine_turn_at_the_peak_alone(warmup: int, decay: int, lr: float) -> None:
    found = curve(
        warmup + decay,
        lambda row: row / warmup if row <= warmup else half_cosine((row - warmup) / decay),
        lr,
    )
    assert told(found) == (warmup, [], [warmup])


@given(warmup=lengths, stable=lengths, decay=lengths, rest=lengths, lr=lrs)
def test_warm_up_stable_decay_turns_where_each_phase_ends(
    warmup: int, stable: int, decay: int, rest: int, lr: float
) -> None:
    def factor(row: int) -> float:
        if row < warmup:
            return (row + 1) / (warmup + 1)
        return max(0.0, min(1.0, 1 - (row - warmup - stable) / decay))

    ends = [warmup, warmup + stable, warmup + stable + decay]
    assert told(curve(ends[-1] + rest, factor, lr)) == (warmup, [], ends)


@given(every=lengths, drops=st.integers(1, 6), gamma=st.floats(0.01, 0.9), lr=lrs)
def test_a_staircase_turns_on_both_sides_of_each_drop(
    every: int, drops: int, gamma: float, lr: float
) -> None:
    found = curve(every * (drops + 1), lambda row: gamma ** (row // every), lr)
    edges = [every * drop for drop in range(1, drops + 1)]
    assert told(found) == (0, [], sorted([*edges, *(edge - 1 for edge in edges)]))


@given(first=st.integers(2, 40), times=st.integers(1, 3), rows=st.integers(10, 400), lr=lrs)
def test_warm_restarts_are_where_a_cycle_begins_however_short_it_is(
    first: int, times: int, rows: int, lr: float
) -> None:
    factor, begins = restarting(first, times)
    found = curve(rows, factor, lr)
    assert restarts(found).tolist() == begins(rows)
    assert warmup_end(found) == 0


@given(
    warmup=st.integers(1, 20), first=st.integers(4, 30), gamma=st.floats(0.5, 1), rows=st.integers(60, 300)
)
def test_restarts_after_a_warm_up_and_to_ever_lower_peaks_are_found(
    warmup: int, first: int, gamma: float, rows: int
) -> None:
    def factor(row: int) -> float:
        if row < warmup:
            return row / warmup
        cycle, place = divmod(row - warmup, first)
        return gamma**cycle * (0.05 + 0.95 * half_cosine(place / first))

    found = curve(rows, factor)
    assert warmup_end(found) == warmup
    begins = list(range(warmup + first, rows, first))
    assert [row for row in restarts(found).tolist() if row < rows - 1] == [
        row for row in begins if row < rows - 1
    ]


@given(up=st.integers(2, 40), down=st.integers(2, 40), cycles=st.integers(2, 5))
def test_a_cycle_that_rises_as_it_falls_has_neither_warm_up_nor_restart(
    up: int, down: int, cycles: int
) -> None:
    found = curve((up + down) * cycles + 1, triangle(up, down))
    turned = sorted(
        row for start in range(0, (up + down) * cycles, up + down) for row in (start, start + up) if row
    )
    assert restarts(found).tolist() == []
    assert turning(found) == turned
    assert warmup_end(found) == (0 if 2 * up >= down else up)


@pytest.mark.parametrize("rows", [24, 26, 30, 31, 60])
def test_a_cycle_is_known_by_the_third_step_of_its_second_rise(rows: int) -> None:
    assert warmup_end(curve(rows, triangle(10, 10))) == 0


@pytest.mark.parametrize("rows", [12, 20, 21, 23])
def test_before_that_its_rise_is_taken_for_a_warm_up(rows: int) -> None:
    assert warmup_end(curve(rows, triangle(10, 10))) == 10


def test_a_short_warm_up_in_every_cycle_is_a_warm_up() -> None:
    found = curve(100, triangle(5, 20))
    assert warmup_end(found) == 5


def test_a_warm_up_before_cosine_waves_to_zero_is_a_warm_up() -> None:
    found = curve(60, lambda row: row / 10 if row < 10 else half_cosine((row - 10) / 10))
    assert told(found) == (10, [], [10, 20, 30, 40, 50])


@given(value=st.floats(0, 10), rows=st.integers(1, 20))
def test_a_constant_has_nothing_to_tell(value: float, rows: int) -> None:
    assert told(np.full(rows, value)) == (0, [], [])


@given(gamma=st.floats(0.01, 0.99), rows=st.integers(3, 100))
def test_an_exponential_decay_never_stops(gamma: float, rows: int) -> None:
    assert told(curve(rows, lambda row: gamma**row)) == (0, [], [])


def test_an_lr_that_only_rises_warms_up_to_the_end() -> None:
    assert told(curve(50, lambda row: 1.1**row)) == (49, [], [])


def test_steps_at_which_a_warm_up_stands_still_belong_to_it() -> None:
    assert warmup_end(np.array([1.0, 1, 2, 2, 3, 3, 3, 2, 1])) == 4


@pytest.mark.parametrize("times", [3, 10])
def test_a_step_up_from_an_lr_that_never_fell_is_no_restart(times: int) -> None:
    found = curve(30, lambda row: 1 / times if row < 12 else 1)
    assert told(found) == (12, [], [11, 12])


def test_a_rise_of_several_steps_is_no_restart() -> None:
    found = np.array([3.0, 2, 1, 2, 3, 2, 1, 2, 3])
    assert restarts(found).tolist() == []


def test_among_slow_rises_only_a_jump_that_stands_out_is_a_restart() -> None:
    falling = list(np.linspace(1, 0.2, 30))
    slow = [*falling, *np.linspace(0.2, 1, 30)[1:], *falling[1:]]
    jump = len(slow)
    assert restarts(np.array([*slow, 1.0, *falling[1:]])).tolist() == [jump]


def test_the_last_row_is_a_restart_only_where_it_makes_good_half_of_the_fall() -> None:
    assert restarts(np.array([1.0, 0.6, 0.2, 0.9])).tolist() == [3]
    assert restarts(np.array([1.0, 0.6, 0.2, 0.5])).tolist() == []


@given(seed=st.integers(0, 10_000))
def test_noise_does_not_restart_at_every_rise(seed: int) -> None:
    noise = np.random.default_rng(seed).uniform(0.1, 1, 200)
    rises = np.flatnonzero(np.diff(noise) > 0)
    assert len(restarts(noise)) <= len(rises) / 4


def test_rounding_is_no_movement() -> None:
    found = np.array([0.1, 0.1 + 1e-17, 0.1, 0.1 - 2e-17, 0.1])
    assert told(found) == (0, [], [])


@given(st.lists(st.floats(0, 1), min_size=0, max_size=12))
def test_any_curve_gets_an_answer_within_its_rows(values: list[float]) -> None:
    found = np.array(values, dtype=np.float64)
    end, again, points = told(found)
    assert all(0 <= row < max(1, len(found)) for row in (end, *again, *points))


def test_a_row_counts_where_any_group_turns() -> None:
    one, other = curve(20, lambda row: min(row, 5)), curve(20, lambda row: -abs(row - 9))
    assert turns(np.stack([one, other], axis=1)).tolist() == [5, 9]
