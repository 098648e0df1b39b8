"""What a training loop or a checkpoint may hand to the scheduler that no schedule file can."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal
from typing import Any

import pytest
import torch

from lrsched_cli import LRScheduler, load_schedule
from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.stand_ins import dummy_optimizer
from lrsched_cli.errors import StateError, StepError


def optimizer(groups: int = 1) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        [{"params": [torch.nn.Parameter(torch.zeros(1))], "name": f"g{i}"} for i in range(groups)], lr=0.1
    )


def standing(scheduler: LRScheduler) -> tuple[Any, ...]:
    lrs = [group["lr"] for group in scheduler.optimizer.param_groups]
    return scheduler.state_dict(), scheduler.factors, lrs


@pytest.mark.parametrize("size", [torch.tensor(128), torch.tensor(128.0), torch.tensor([128])])
def test_a_batch_size_in_a_tensor_counts_as_its_number(size: Any) -> None:
    given, plain = LRScheduler(optimizer()), LRScheduler(optimizer())
    given.step(size)
    plain.step(128)
    assert json.dumps(given.state_dict()) == json.dumps(plain.state_dict()).replace(
        '"batch_size": 128', f'"batch_size": {size.item()}'
    )
    assert type(given.optimizer.param_groups[0]["lr"]) is float


@pytest.mark.parametrize("size", [Decimal(64), torch.tensor([1, 2]), "64", True, float("nan"), 10**400])
def test_a_batch_size_that_is_no_number_changes_nothing(size: Any) -> None:
    scheduler = LRScheduler(optimizer(), warmup_steps=0)
    before = standing(scheduler)
    with pytest.raises(ValueError, match="batch_size must be a finite number"):
        scheduler.step(size)
    assert standing(scheduler) == before


def test_a_multiplier_beyond_all_numbers_is_an_error_and_changes_nothing() -> None:
    growing = {"gamma": 1e200, "T_0": 1, "T_mult": 1, "warmup_steps": 0}
    scheduler = LRScheduler(optimizer(2), group_overrides={"g1": growing})
    scheduler.step()
    before = standing(scheduler)
    with pytest.raises(StepError, match="the multiplier is inf at step 2") as caught:
        scheduler.step()
    assert (caught.value.step, caught.value.group) == (2, "g1")
    assert standing(scheduler) == before


@pytest.mark.parametrize(
    "wrong", [{"T_i": 10**400}, {"T_cur": 200}, {"T_cur": 10**9}], ids=["T_i", "T_cur at the end", "T_cur"]
)
def test_a_state_that_no_run_can_reach_is_no_state(wrong: dict[str, int]) -> None:
    state = {"global_step": 500, "T_i": 200, "T_cur": 100, "cycle": 1, **wrong}
    with pytest.raises(StateError):
        LRScheduler(optimizer()).load_state_dict(state)


def test_loading_after_groups_were_taken_away_says_so() -> None:
    scheduler = LRScheduler(optimizer(3), group_overrides={"g2": {"T_0": 5}})
    state = scheduler.state_dict()
    del scheduler.optimizer.param_groups[1:]
    with pytest.raises(ValueError, match="the optimizer has 1 param groups, 3 were scheduled before"):
        scheduler.load_state_dict(state)


def test_a_scheduler_with_a_formula_goes_through_pickle() -> None:
    scheduler = LRScheduler(optimizer(), custom_lambda=Expression("1 / step"), warmup_steps=2)
    scheduler.step()
    copied = pickle.loads(pickle.dumps(scheduler))  # noqa: S301 - our own bytes
    for one in (scheduler, copied):
        one.step()
    assert copied.get_last_lr() == scheduler.get_last_lr()


def test_a_group_added_in_training_starts_from_the_files_lr() -> None:
    schedule = load_schedule("default", overrides=["optimizer={type: SGD, lr: 0.05, momentum: 0.9}"])
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    built = schedule.build_optimizer(model)
    built.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))]})
    assert built.param_groups[-1]["lr"] == 0.05


def test_an_optimizer_of_matrices_alone_is_explored_without_shapes() -> None:
    schedule = load_schedule("custom-lambda", overrides=["optimizer={type: Muon, lr: 0.02}"])
    explored, _ = dummy_optimizer(schedule)
    assert explored.param_groups[0]["params"][0].shape == (1, 1)
