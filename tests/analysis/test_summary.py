"""A schedule in numbers, and the steps that are worth looking at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lrsched_cli import Trace, dry_run, load_schedule
from lrsched_cli.analysis.summary import GroupSummary, LRAt, key_steps, summarize
from lrsched_cli.errors import UsageError

LOOPS = ["optimizer-first", "scheduler-first"]


def run(text: str) -> Trace:
    path = Path("s.yaml")
    path.write_text(text, encoding="utf-8")
    return dry_run(load_schedule(path))


def summary(scheduler: str, loop: str = "optimizer-first", steps: int = 40) -> GroupSummary:
    text = f"steps: {steps}\nloop: {loop}\noptimizer: {{lr: 0.5}}\nscheduler: {{{scheduler}}}"
    (only,) = summarize(run(text))
    return only


SMALL = "warmup_steps: 5, T_0: 10, eta_scal_min: 0, eta_scal_max: 2"


def test_there_is_a_summary_per_group_in_their_order() -> None:
    found = summarize(run("steps: 9\nparam_groups: [{name: b, lr: 0.1}, {name: a, lr: 0.2}]"))
    assert [(one.name, one.base_lr) for one in found] == [("b", 0.1), ("a", 0.2)]


def test_with_the_optimizer_first_the_first_lr_is_the_base_lr() -> None:
    assert summary(SMALL).first == LRAt(0.5, 0)


def test_with_the_scheduler_first_the_first_lr_is_that_of_the_first_step() -> None:
    assert summary(SMALL, "scheduler-first").first == LRAt(0.2, 1)


@pytest.mark.parametrize(("loop", "last"), [("optimizer-first", 39), ("scheduler-first", 40)])
def test_the_final_lr_is_that_of_the_last_update(loop: str, last: int) -> None:
    assert summary(SMALL, loop).final.step == last


@pytest.mark.parametrize("loop", LOOPS)
def test_the_peak_is_the_highest_lr_and_the_first_step_that_has_it(loop: str) -> None:
    assert summary(SMALL + ", gamma: 1", loop).peak == LRAt(1.0, 5)


def test_the_minimum_is_the_lowest_lr_of_an_update() -> None:
    found = summary("warmup_steps: 0, T_0: 10, T_mult: 1, eta_scal_min: 0.2, gamma: 0.5", steps=40)
    assert found.minimum.step == 39
    assert 0.1 < found.minimum.lr < 0.11


def test_a_base_lr_at_which_no_update_runs_is_not_the_minimum() -> None:
    found = summary("warmup_steps: 0, eta_scal_min: 4, eta_scal_max: 5", "scheduler-first")
    assert found.minimum.lr > 2.0


@pytest.mark.parametrize("loop", LOOPS)
def test_sum_and_mean_go_over_exactly_the_updates(loop: str) -> None:
    trace = run(f"steps: 40\nloop: {loop}\nscheduler: {{{SMALL}}}")
    (found,) = summarize(trace)
    rows = slice(0, 40) if loop == "optimizer-first" else slice(1, 41)
    assert found.sum == pytest.approx(float(np.sum(trace.lr[rows, 0])), rel=1e-12)
    assert found.mean == pytest.approx(found.sum / 40, rel=1e-12)


def test_the_warmup_end_and_the_restarts_are_those_of_the_group() -> None:
    found = summary(SMALL)
    assert (found.warmup_end, found.restarts) == (5, (15, 35))


def test_a_run_of_one_step_has_one_lr() -> None:
    found = summary(SMALL, steps=1)
    assert (found.first, found.peak, found.minimum, found.final) == (LRAt(0.5, 0),) * 4


def test_a_summary_holds_plain_numbers() -> None:
    found = summary(SMALL)
    numbers = [found.base_lr, found.mean, found.sum, found.peak.lr, found.final.lr]
    whole = [found.warmup_end, *found.restarts, found.peak.step, found.minimum.step]
    assert ({type(one) for one in numbers}, {type(one) for one in whole}) == ({float}, {int})


KEYS = f"steps: 40\nscheduler: {{{SMALL}}}"


def test_the_key_steps_are_the_ends_the_warmups_end_and_those_around_restarts() -> None:
    assert key_steps(run(KEYS)) == [0, 1, 5, 14, 15, 16, 34, 35, 36, 40]


def test_further_steps_are_put_in_their_place() -> None:
    assert key_steps(run(KEYS), [20, 3, 5, 0, 40]) == [0, 1, 3, 5, 14, 15, 16, 20, 34, 35, 36, 40]


def test_a_restart_at_the_last_step_has_none_after_it() -> None:
    assert key_steps(run(f"steps: 15\nscheduler: {{{SMALL}}}")) == [0, 1, 5, 14, 15]


def test_a_restart_of_any_group_counts() -> None:
    text = "steps: 9\nparam_groups: [{name: a}, {name: b, scheduler: {warmup_steps: 2, T_0: 3}}]"
    assert key_steps(run(text)) == [0, 1, 2, 4, 5, 6, 9]


@pytest.mark.parametrize("step", [-1, 41, 10**9])
def test_a_step_outside_the_run_is_a_usage_error(step: int) -> None:
    with pytest.raises(UsageError, match=rf"{step} is outside the run.*step 0 to 40"):
        key_steps(run(KEYS), [step])
