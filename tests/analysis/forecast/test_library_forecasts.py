"""Another library's schedule, changed on resume: what is forecast is what a plain loop does."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as lrs

from lrsched_cli import load_schedule
from lrsched_cli.analysis.forecast.forecasting import forecast
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.analysis.forecast.forecasting import Forecast, SettingFate
    from lrsched_cli.core.config import Schedule

    Make = Callable[[torch.optim.Optimizer], Any]
    Section = dict[str, Any]

SAVE_AT, STEPS = 16, 40
BASE_LRS = (0.1, 0.02)
WARM_UP = {"type": "LinearLR", "start_factor": 0.1, "total_iters": 5}


def schedule(section: Section, **more: Any) -> Schedule:
    stated = {
        "name": "plan",
        "steps": STEPS,
        "optimizer": {"type": "SGD", "momentum": 0.9, "lr": 0.1},
        "param_groups": [{"name": f"group{at}", "lr": lr} for at, lr in enumerate(BASE_LRS)],
        "scheduler": section,
        **more,
    }
    Path("plan.yaml").write_text(json.dumps(stated))
    return load_schedule("plan.yaml")


def found(old: Section, new: Section, **more: Any) -> Forecast:
    return forecast(schedule(old), schedule(new, **more), SAVE_AT)


def fate(of: Forecast, key: str) -> SettingFate:
    (one,) = (one for one in of.settings if one.key == key)
    return one


def by_hand(old: Make, new: Make) -> list[list[float]]:
    """Every update's LRs, restored after SAVE_AT of them: nothing but torch."""

    def optimizer() -> torch.optim.Optimizer:
        groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": lr} for lr in BASE_LRS]
        return torch.optim.SGD(groups, lr=0.1, momentum=0.9)

    def train(trained: torch.optim.Optimizer, scheduler: Any, updates: range) -> list[list[float]]:
        rows = []
        for update in updates:
            rows.append([group["lr"] for group in trained.param_groups])
            trained.step()
            if isinstance(scheduler, lrs.ReduceLROnPlateau):
                scheduler.step(1 / min(update, 8))
            else:
                scheduler.step()
        return rows

    first = optimizer()
    scheduler = old(first)
    rows = train(first, scheduler, range(1, SAVE_AT + 1))
    states = deepcopy((first.state_dict(), scheduler.state_dict()))
    second = optimizer()
    scheduler = new(second)
    second.load_state_dict(states[0])
    scheduler.load_state_dict(states[1])
    return rows + train(second, scheduler, range(SAVE_AT + 1, STEPS + 1))


def one_cycle(**changes: Any) -> Section:
    return {"type": "OneCycleLR", "max_lr": 0.1, "total_steps": 41, **changes}


def in_sequence(second: Section, at: int = 5) -> Section:
    return {"type": "SequentialLR", "schedulers": [WARM_UP, second], "milestones": [at]}


def sequence(of: Make, at: int = 5) -> Make:
    def make(optimizer: torch.optim.Optimizer) -> Any:
        parts = [lrs.LinearLR(optimizer, 0.1, total_iters=5), of(optimizer)]
        return lrs.SequentialLR(optimizer, parts, [at])

    return make


def lambdas(base: float) -> Make:
    return lambda optimizer: lrs.LambdaLR(optimizer, lambda step: base**step)


COSINE = {"type": "CosineAnnealingLR", "T_max": 40}
PLATEAU = {"type": "ReduceLROnPlateau", "patience": 3, "metric": "1 / min(step, 8)"}
CHANGES: dict[str, tuple[Section, Section, Make, Make, str, str | None]] = {
    "T_max": (
        COSINE,
        {**COSINE, "T_max": 20},
        partial(lrs.CosineAnnealingLR, T_max=40),
        partial(lrs.CosineAnnealingLR, T_max=20),
        "T_max",
        "checkpoint",
    ),
    "pct_start": (
        one_cycle(),
        one_cycle(pct_start=0.5),
        partial(lrs.OneCycleLR, max_lr=0.1, total_steps=41),
        partial(lrs.OneCycleLR, max_lr=0.1, total_steps=41, pct_start=0.5),
        "pct_start",
        "checkpoint",
    ),
    "total_steps": (
        one_cycle(),
        one_cycle(total_steps=60),
        partial(lrs.OneCycleLR, max_lr=0.1, total_steps=41),
        partial(lrs.OneCycleLR, max_lr=0.1, total_steps=60),
        "total_steps",
        "checkpoint",
    ),
    "max_lr": (
        one_cycle(),
        one_cycle(max_lr=0.3),
        partial(lrs.OneCycleLR, max_lr=0.1, total_steps=41),
        partial(lrs.OneCycleLR, max_lr=0.3, total_steps=41),
        "max_lr",
        "checkpoint",
    ),
    "formula": (
        {"type": "LambdaLR", "lr_lambda": "0.9**step"},
        {"type": "LambdaLR", "lr_lambda": "0.8**step"},
        lambdas(0.9),
        lambdas(0.8),
        "lr_lambda",
        "file",
    ),
    "milestones": (
        {"type": "MultiStepLR", "milestones": [10, 25, 25]},
        {"type": "MultiStepLR", "milestones": [10, 30]},
        partial(lrs.MultiStepLR, milestones=[10, 25, 25]),
        partial(lrs.MultiStepLR, milestones=[10, 30]),
        "milestones",
        "checkpoint",
    ),
    "a part's T_max": (
        in_sequence(COSINE),
        in_sequence({**COSINE, "T_max": 60}),
        sequence(partial(lrs.CosineAnnealingLR, T_max=40)),
        sequence(partial(lrs.CosineAnnealingLR, T_max=60)),
        "schedulers.1.T_max",
        "checkpoint",
    ),
    "a part's formula": (
        in_sequence({"type": "LambdaLR", "lr_lambda": "0.9**step"}),
        in_sequence({"type": "LambdaLR", "lr_lambda": "0.8**step"}),
        sequence(lambdas(0.9)),
        sequence(lambdas(0.8)),
        "schedulers.1.lr_lambda",
        "file",
    ),
    "a sequence's milestones": (
        in_sequence(COSINE),
        in_sequence(COSINE, at=30),
        sequence(partial(lrs.CosineAnnealingLR, T_max=40)),
        sequence(partial(lrs.CosineAnnealingLR, T_max=40), at=30),
        "milestones",
        "checkpoint",
    ),
    "a part's type": (
        in_sequence(COSINE),
        in_sequence({"type": "ExponentialLR", "gamma": 0.9}),
        sequence(partial(lrs.CosineAnnealingLR, T_max=40)),
        sequence(partial(lrs.ExponentialLR, gamma=0.9)),
        "schedulers.1.type",
        "file",
    ),
    "type": (
        {"type": "StepLR", "step_size": 5},
        {"type": "ExponentialLR", "gamma": 0.9},
        partial(lrs.StepLR, step_size=5),
        partial(lrs.ExponentialLR, gamma=0.9),
        "type",
        "file",
    ),
    "patience": (
        PLATEAU,
        {**PLATEAU, "patience": 6},
        partial(lrs.ReduceLROnPlateau, patience=3),
        partial(lrs.ReduceLROnPlateau, patience=6),
        "patience",
        "checkpoint",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_lrs_are_those_of_a_plain_loop_and_the_winner_is_told(change: str) -> None:
    old, new, make_old, make_new, key, winner = CHANGES[change]
    forecasted = found(old, new)
    assert np.array_equal(forecasted.curves.really, by_hand(make_old, make_new))
    assert fate(forecasted, f"scheduler.{key}").wins == winner
    old_plan = np.array(by_hand(make_old, make_old))
    went_on = np.array_equal(forecasted.curves.really[SAVE_AT:], old_plan[SAVE_AT:])
    assert (forecasted.lrs_follow in {"old plan", "both"}) == went_on
    assert (winner == "checkpoint") == went_on


def test_a_formula_is_in_no_checkpoint_and_acts_from_the_second_update_on() -> None:
    changed = fate(
        found({"type": "LambdaLR", "lr_lambda": "0.9**step"}, {"type": "LambdaLR", "lr_lambda": "0.8**step"}),
        "scheduler.lr_lambda",
    )
    assert (changed.reason, changed.acts_from) == ("formula", SAVE_AT + 2)


def test_a_formula_that_makes_no_difference_any_more_is_the_files_all_the_same() -> None:
    late = "0.5 if step > 10 else {}"
    old, new = ({"type": "LambdaLR", "lr_lambda": late.format(value)} for value in (1, 0.9))
    changed = fate(found(old, new), "scheduler.lr_lambda")
    assert (changed.wins, changed.reason, changed.acts) == ("file", "formula", False)


def test_a_gamma_that_another_class_finds_in_the_state_is_the_checkpoints() -> None:
    forecasted = found({"type": "StepLR", "step_size": 5}, {"type": "ExponentialLR", "gamma": 0.9})
    assert fate(forecasted, "scheduler.gamma").wins == "checkpoint"
    assert fate(forecasted, "scheduler.step_size").wins == "file"


def test_a_momentum_that_is_scheduled_is_no_setting() -> None:
    forecasted = forecast(schedule(one_cycle()), schedule(one_cycle(), steps=30), SAVE_AT)
    assert [one.key for one in forecasted.settings] == ["steps"]
    assert forecasted.follows == "both"


def test_a_changed_plan_for_the_momentum_alone_counts() -> None:
    forecasted = found(one_cycle(), one_cycle(max_momentum=0.99))
    assert forecasted.lrs_follow == "both"
    assert forecasted.follows == "old plan"
    assert fate(forecasted, "scheduler.max_momentum").counts


def test_a_metric_is_the_files() -> None:
    changed = fate(found(PLATEAU, {**PLATEAU, "metric": "1 / min(step, 30)"}), "scheduler.metric")
    assert (changed.wins, changed.acts) == ("file", True)


def test_a_lambda_of_transformers_holds_its_arguments_and_the_checkpoint_none() -> None:
    optimization = pytest.importorskip("transformers.optimization")
    old, new = (
        {"type": "transformers.cosine", "num_warmup_steps": 5, "num_training_steps": end} for end in (40, 60)
    )
    forecasted = found(old, new)
    make_old, make_new = (
        partial(optimization.get_cosine_schedule_with_warmup, num_warmup_steps=5, num_training_steps=end)
        for end in (40, 60)
    )
    assert np.array_equal(forecasted.curves.really, by_hand(make_old, make_new))
    changed = fate(forecasted, "scheduler.num_training_steps")
    assert (changed.wins, changed.reason) == ("file", "formula")


@pytest.mark.parametrize("more", [[], [{"type": "ConstantLR"}]])
def test_parts_that_are_not_as_many_are_told_without_a_fault(more: list[Section]) -> None:
    old = {"type": "ChainedScheduler", "schedulers": [WARM_UP, COSINE, *more]}
    new = {"type": "ChainedScheduler", "schedulers": [WARM_UP, COSINE]}
    forecasted = found(new, old) if more else found(old, new)
    assert {one.wins for one in forecasted.settings} <= {"file"}


def test_a_state_that_the_new_type_cannot_read_is_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^a checkpoint of StepLR cannot be resumed with LRScheduler: "):
        found({"type": "StepLR", "step_size": 5}, {"warmup_steps": 5, "T_0": 10})
