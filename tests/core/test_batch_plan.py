"""Which batch size at which step."""

from __future__ import annotations

import pytest

from lrsched_cli.core.batch_plan import BatchPlan

PHASES = BatchPlan(sizes=(32, 96, 256), ends=(500, 1200))


def test_without_a_plan_no_step_has_a_batch_size() -> None:
    assert list(BatchPlan().sizes_until(3)) == [None, None, None]


def test_one_size_holds_for_every_step() -> None:
    assert list(BatchPlan(sizes=(128,)).sizes_until(3)) == [128, 128, 128]


@pytest.mark.parametrize(
    ("step", "size"), [(1, 32), (500, 32), (501, 96), (1200, 96), (1201, 256), (10**9, 256)]
)
def test_until_is_the_last_step_of_its_phase(step: int, size: int) -> None:
    assert PHASES.size_at(step) == size


@pytest.mark.parametrize("steps", [0, 1, 499, 500, 501, 1200, 1201, 2000])
def test_the_sizes_of_a_run_are_those_of_its_steps(steps: int) -> None:
    assert list(PHASES.sizes_until(steps)) == [PHASES.size_at(step) for step in range(1, steps + 1)]


def test_a_phase_without_a_size_leaves_the_batch_factor_alone() -> None:
    assert list(BatchPlan(sizes=(None, 64), ends=(2,)).sizes_until(4)) == [None, None, 64, 64]


def test_phases_of_one_step_each_follow_one_another() -> None:
    assert list(BatchPlan(sizes=(1, 2, 3), ends=(1, 2)).sizes_until(4)) == [1, 2, 3, 3]


def test_sizes_come_one_at_a_time() -> None:
    sizes = PHASES.sizes_until(10**12)
    assert [next(sizes) for _ in range(3)] == [32, 32, 32]
