"""The factors' formulas, and that one step and an array of steps get the same bits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lrsched_cli.core.factors import (
    batch_factor,
    cosine_factor,
    decay_factor,
    end_of_cycle,
    learning_rate,
    multiplier,
    warmup_factor,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

SIZES = [-3, 0, 1, 2, 3, 31, 63, 64, 65, 100, 128, 1000, 12_345, 10**6, 2**31 + 1, 2**53]
STEPS = [*range(1, 400), 998, 999, 1000, 1001, 12_345, 2**31 + 1, 2**53 - 1, 2**53]
CYCLES = [0, 1, 2, 3, 7, 7, 50, 1000, 123_456, 10**6, 2**53]
LONGEST = 2**53


def bits(values: Iterable[float] | NDArray[np.float64]) -> list[str]:
    return [float(value).hex() for value in values]


def doubles(values: Iterable[float]) -> NDArray[np.float64]:
    return np.array(list(values), dtype=np.float64)


@pytest.mark.parametrize(
    ("mode", "expected"), [("linear", 4.0), ("sqrt", 2.0), ("blend", 3.0)], ids=["linear", "sqrt", "blend"]
)
def test_each_batch_mode_has_its_own_growth(mode: str, expected: float) -> None:
    assert batch_factor(256, 64, mode) == expected


@pytest.mark.parametrize("mode", ["linear", "sqrt", "blend"])
def test_the_batch_factor_is_one_at_the_base_batch_size(mode: str) -> None:
    assert batch_factor(48, 48, mode) == 1.0


@pytest.mark.parametrize("mode", ["linear", "sqrt", "blend"])
@pytest.mark.parametrize("size", [0, -1, -1000])
def test_a_batch_size_below_one_counts_as_one(mode: str, size: int) -> None:
    assert batch_factor(size, 64, mode) == batch_factor(1, 64, mode)


@pytest.mark.parametrize("mode", ["linear", "sqrt", "blend"])
@pytest.mark.parametrize("base", [1, 48, 64, 1000])
def test_batch_factors_have_the_same_bits_one_by_one_and_as_an_array(mode: str, base: int) -> None:
    assert bits(batch_factor(size, base, mode) for size in SIZES) == bits(
        batch_factor(doubles(SIZES), base, mode)
    )


def test_the_linear_warmup_is_the_share_of_its_steps() -> None:
    assert [warmup_factor(t, 4, 0.0, "linear") for t in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1.0]


def test_the_cosine_warmup_divides_before_it_multiplies_by_pi() -> None:
    steps, expected = range(1, 334), [0.5 * (1 - math.cos(math.pi * (t / 333))) for t in range(1, 334)]
    assert [warmup_factor(t, 333, 0.0, "cosine") for t in steps] == expected


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_the_warmup_never_goes_below_its_floor(shape: str) -> None:
    assert min(warmup_factor(t, 100, 0.3, shape) for t in range(1, 101)) == 0.3


@pytest.mark.parametrize("shape", ["linear", "cosine"])
@pytest.mark.parametrize("after", [0, 1, 2, 1000, 2**53])
def test_the_warmup_factor_is_one_from_its_last_step_on(shape: str, after: int) -> None:
    assert warmup_factor(min(77 + after, 2**53), 77, 0.05, shape) == 1.0


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_without_a_warmup_its_factor_is_one(shape: str) -> None:
    assert [warmup_factor(t, 0, 0.05, shape) for t in (1, 2, 10**6)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("shape", ["linear", "cosine"])
@pytest.mark.parametrize("length", [0, 1, 3, 100, 333, 2**53])
@pytest.mark.parametrize("floor", [0.0, 0.05, 1.0])
def test_warmup_factors_have_the_same_bits_one_by_one_and_as_an_array(
    shape: str, length: int, floor: float
) -> None:
    one_by_one = [warmup_factor(t, length, floor, shape) for t in STEPS]
    assert bits(one_by_one) == bits(warmup_factor(doubles(STEPS), length, floor, shape))


def test_a_restart_sets_the_cosine_factor_to_one() -> None:
    assert cosine_factor(0, 77) == 1.0


def test_the_cosine_factor_is_a_half_in_the_middle_of_the_cycle() -> None:
    assert cosine_factor(50, 100) == 0.5


def test_the_cosine_factor_nears_zero_at_the_end_of_the_cycle() -> None:
    assert 0.0 < cosine_factor(9999, 10_000) < 1e-7


@pytest.mark.parametrize("length", [1, 2, 77, 100, 1000, 2**31 + 1, LONGEST])
def test_cosine_factors_have_the_same_bits_one_by_one_and_as_an_array(length: int) -> None:
    positions = [p for p in [0, *STEPS] if p < length]
    lengths = doubles([length] * len(positions))
    one_by_one = [cosine_factor(p, length) for p in positions]
    assert bits(one_by_one) == bits(cosine_factor(doubles(positions), lengths))


def test_the_decay_is_gamma_to_the_number_of_restarts() -> None:
    assert [decay_factor(0.5, cycle) for cycle in range(4)] == [1.0, 0.5, 0.25, 0.125]


def test_a_growth_beyond_the_largest_number_is_infinite() -> None:
    assert decay_factor(2.0, 5000) == math.inf


@pytest.mark.parametrize("gamma", [1e-3, 0.5, 0.9, 0.97, 1.0, 1.05, 1.7e308])
def test_decay_factors_have_the_same_bits_one_by_one_and_as_an_array(gamma: float) -> None:
    one_by_one = [decay_factor(gamma, cycle) for cycle in CYCLES]
    assert bits(one_by_one) == bits(decay_factor(gamma, doubles(CYCLES)))


def test_arrays_keep_their_shape() -> None:
    table = doubles([1, 2, 3, 4, 5, 6]).reshape(3, 2)
    made = [
        batch_factor(table, 64, "blend"),
        warmup_factor(table, 4, 0.0, "cosine"),
        warmup_factor(table, 0, 0.0, "linear"),
        cosine_factor(table, table + 1),
        decay_factor(0.9, table),
        learning_rate(table, 0.2, 2.0, table),
        multiplier(table, table, table, table, table),
    ]
    assert [one.shape for one in made] == [(3, 2)] * len(made)


def test_the_array_that_is_given_stays_as_it_is() -> None:
    steps = doubles([0, 1, 5, 1000])
    steps.setflags(write=False)
    warmup_factor(steps, 4, 0.5, "cosine")
    batch_factor(steps, 64, "blend")
    assert steps.tolist() == [0, 1, 5, 1000]


def test_the_lr_goes_from_its_lower_to_its_upper_end() -> None:
    assert [learning_rate(0.5, 0.25, 2.0, scale) for scale in (0.0, 0.5, 1.0)] == [0.125, 0.5625, 1.0]


def test_a_multiplier_above_one_lifts_the_lr_above_its_upper_end() -> None:
    assert learning_rate(1.0, 0.5, 2.0, 2.0) == 3.5


def test_an_inverted_range_falls_as_the_multiplier_rises() -> None:
    assert [learning_rate(1.0, 2.0, 0.5, scale) for scale in (0.0, 1.0)] == [2.0, 0.5]


def test_lrs_have_the_same_bits_one_by_one_and_as_an_array() -> None:
    rng = np.random.default_rng(1)
    base, scale = rng.uniform(1e-6, 1, 500), rng.uniform(0, 3, 500)
    one_by_one = [learning_rate(b, 0.2, 1.9, s) for b, s in zip(base.tolist(), scale.tolist(), strict=True)]
    assert bits(one_by_one) == bits(learning_rate(base, 0.2, 1.9, scale))


def test_the_multiplier_has_the_same_bits_one_by_one_and_as_an_array() -> None:
    columns = np.random.default_rng(2).uniform(0, 2, (5, 500))
    one_by_one = [multiplier(*row) for row in columns.T.tolist()]
    assert bits(one_by_one) == bits(multiplier(*columns))


def test_the_multiplier_takes_its_factors_in_the_stated_order() -> None:
    rows = np.random.default_rng(3).uniform(0.1, 2, (200, 5)).tolist()
    assert [multiplier(*row) for row in rows] == [b * w * c * d * u for b, w, c, d, u in rows]
    assert [multiplier(*row) for row in rows] != [multiplier(*reversed(row)) for row in rows]


@pytest.mark.parametrize("scalar", [3, 3.0], ids=["whole", "real"])
def test_one_step_gives_a_plain_float(scalar: float) -> None:
    made = [
        batch_factor(scalar, 64, "linear"),
        batch_factor(scalar, 64, "sqrt"),
        warmup_factor(scalar, 10, 0.05, "linear"),
        warmup_factor(scalar, 0, 0.05, "linear"),
        cosine_factor(scalar, 10),
        decay_factor(0.9, scalar),
    ]
    assert {type(one) for one in made} == {float}


@pytest.mark.parametrize(
    ("warmup", "first", "growth"), [(0, 1, 1), (0, 10, 2), (3, 1, 1), (7, 5, 3), (100, 20, 2)]
)
@pytest.mark.parametrize("cycles", [1, 2, 3, 4])
def test_the_end_of_a_cycle_is_the_step_before_its_restart(
    warmup: int, first: int, growth: int, cycles: int
) -> None:
    step, position, length, restarts = 0, 0, first, 0
    while restarts < cycles:
        step += 1
        if step > warmup:
            position += 1
            if position >= length:
                position, length, restarts = 0, length * growth, restarts + 1
    assert end_of_cycle(cycles, warmup, first, growth) == step - 1
