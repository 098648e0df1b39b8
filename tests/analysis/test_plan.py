"""Which steps of a run are looked at, and what is made of them."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lrsched_cli import Schedule, dry_run, load_schedule
from lrsched_cli.analysis.plan import LOOKED_AT_IN_FULL, plan_of

OWN = "loop: {loop}\nsteps: {steps}\nscheduler: {{warmup_steps: 100, T_0: 300}}\n"


def schedule_of(text: str) -> Schedule:
    Path("one.yaml").write_text(text, encoding="utf-8")
    return load_schedule("one.yaml")


def by_formula(steps: int, formula: str, more: str = "") -> Schedule:
    return schedule_of(
        f'steps: {steps}\n{more}optimizer: {{lr: 1}}\nscheduler: {{type: LambdaLR, lr_lambda: "{formula}"}}\n'
    )


@pytest.mark.parametrize("loop", ["optimizer-first", "scheduler-first"])
@pytest.mark.parametrize("steps", [1, 2, 3, 999, LOOKED_AT_IN_FULL])
def test_a_short_run_is_looked_at_in_full(loop: str, steps: int) -> None:
    schedule = schedule_of(OWN.format(loop=loop, steps=steps))
    plan, trace = plan_of(schedule), dry_run(schedule)
    assert plan.in_full
    assert plan.of_group(0) == trace.lr[trace.updates, 0].tolist()
    assert [plan.update(step) for step in plan.steps] == list(range(1, steps + 1))
    assert plan.mean(0) == pytest.approx(trace.lr[trace.updates, 0].mean(), rel=1e-12)


@pytest.mark.parametrize("loop", ["optimizer-first", "scheduler-first"])
@pytest.mark.parametrize("steps", [70, 71, 76, 77])
def test_by_the_epoch_each_step_is_looked_at_once_and_counts_for_its_updates(loop: str, steps: int) -> None:
    more = "step_every: epoch\nsteps_per_epoch: 7\n"
    schedule = schedule_of(more + OWN.format(loop=loop, steps=steps))
    plan, trace = plan_of(schedule), dry_run(schedule)
    assert [plan.updates_at(place) for place in range(len(plan.steps))] == [7] * (steps // 7) + [
        steps % 7
    ] * (steps % 7 > 0)
    lrs = trace.lr[trace.updates, 0]
    assert plan.of_group(0) == [lrs[plan.update(step) - 1] for step in plan.steps]
    assert plan.mean(0) == pytest.approx(lrs.mean(), rel=1e-12)
    assert plan.steps_through(plan.last_step) >= steps > plan.steps_through(plan.last_step - 1)


def test_of_a_long_run_the_ends_the_turns_and_a_sample_are_looked_at() -> None:
    schedule = schedule_of(OWN.format(loop="scheduler-first", steps=500_000))
    plan = plan_of(schedule)
    assert 300 < len(plan.steps) < 1000
    assert {1, 2, 3, 99, 100, 101, 399, 400, 401, 999, 1000, 499_999, 500_000} <= set(plan.steps)
    assert max(np.diff(plan.steps)) <= 500_000 / 256 + 1
    assert plan_of(schedule, every_step=True).in_full


def test_a_jump_that_the_file_does_not_give_away_is_found_between_two_steps() -> None:
    schedule = by_formula(300_000, "1 if step * 3 < 10 ** 5 * 2.3457 else 0.3")
    plan = plan_of(schedule)
    jump = next(step for step, lr in zip(plan.steps, plan.of_group(0), strict=True) if lr < 1)
    assert jump == math.ceil(10**5 * 2.3457 / 3)
    assert jump - 1 in plan.steps


def test_the_mean_of_a_long_run_is_near_the_real_one() -> None:
    for name in ("no-warmup", "sgdr-wrn28", "per-group"):
        schedule = load_schedule(name)
        trace = dry_run(schedule)
        assert plan_of(schedule).mean(0) == pytest.approx(trace.lr[trace.updates, 0].mean(), rel=3e-3)


def test_a_scheduler_without_a_closed_form_is_stepped() -> None:
    for section in (
        "{type: MultiplicativeLR, lr_lambda: '0.999'}",
        "{type: ReduceLROnPlateau, metric: '1', patience: 3}",
    ):
        for loop in ("optimizer-first", "scheduler-first"):
            text = f"steps: 100\nloop: {loop}\noptimizer: {{lr: 0.1}}\nscheduler: {section}\n"
            schedule = schedule_of(text)
            trace = dry_run(schedule)
            assert plan_of(schedule).of_group(0) == trace.lr[trace.updates, 0].tolist()
            assert plan_of(schedule, trace).of_group(0) == trace.lr[trace.updates, 0].tolist()


def test_nothing_heavy_is_imported_to_look_at_a_schedule_of_our_own_or_of_torch() -> None:
    code = (
        "import sys\nfrom lrsched_cli.analysis.checks.checking import check_files\ncheck_files(['default',"
        " 'llama-7b', 'super-convergence', 'sgdr-wrn28',"
        " 'resnet50-imagenet'])\nprint({'torch', 'numpy', 'matplotlib', 'rich'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
