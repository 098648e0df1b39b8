"""The examples of the families once more, built by hand from their libraries, and resumed by hand."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from math import cos, pi
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler as lrs
from torch.optim.swa_utils import SWALR

from lrsched_cli.analysis.conformance import ConformanceReport, conformance

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli import ResumeReport
    from lrsched_cli.analysis.resume.results import KindResult, SavePointResult

    Make = Callable[..., Any]
    Numbers = list[tuple[float, ...]]

STEPS = 40
SAVE_AT = (1, 4, 5, 6, 13, 20, 31, 39)
BASE_LRS = (0.1, 0.02)


def _of(kind: Make, **arguments: Any) -> Make:
    return lambda optimizer, **more: kind(optimizer, **arguments, **more)


def _half_cosine(step: int) -> float:
    return 0.5 * (1 + cos(pi * step / STEPS))


def _less_by_step(step: int) -> float:
    return 1 - 1 / (step + 10)


def _warm_up(optimizer: torch.optim.Optimizer) -> Any:
    return lrs.LinearLR(optimizer, 0.1, total_iters=5)


def _warm_up_then_exponential(optimizer: torch.optim.Optimizer, **more: Any) -> Any:
    both = [_warm_up(optimizer), lrs.ExponentialLR(optimizer, 0.9)]
    return lrs.SequentialLR(optimizer, both, [5], **more)


def _warm_up_then_cosine(optimizer: torch.optim.Optimizer, **more: Any) -> Any:
    both = [_warm_up(optimizer), lrs.CosineAnnealingLR(optimizer, 35, eta_min=1e-3)]
    return lrs.SequentialLR(optimizer, both, [5], **more)


def _linear_times_cosine(optimizer: torch.optim.Optimizer, **more: Any) -> Any:
    both = [lrs.LinearLR(optimizer, 0.1, total_iters=5, **more), lrs.CosineAnnealingLR(optimizer, 40, **more)]
    return lrs.ChainedScheduler(both, optimizer)


def _constant_times_exponential(optimizer: torch.optim.Optimizer, **more: Any) -> Any:
    both = [
        lrs.ConstantLR(optimizer, 0.3, total_iters=5, **more),
        lrs.ExponentialLR(optimizer, 0.9, **more),
    ]
    return lrs.ChainedScheduler(both, optimizer)


TORCH: dict[str, tuple[Make, ...]] = {
    "ChainedScheduler": (_linear_times_cosine, _constant_times_exponential),
    "ConstantLR": (_of(lrs.ConstantLR, factor=0.3, total_iters=5),),
    "CosineAnnealingLR": (
        _of(lrs.CosineAnnealingLR, T_max=40, eta_min=1e-3),
        _of(lrs.CosineAnnealingLR, T_max=10, eta_min=1e-3),
    ),
    "CosineAnnealingWarmRestarts": (
        _of(lrs.CosineAnnealingWarmRestarts, T_0=5),
        _of(lrs.CosineAnnealingWarmRestarts, T_0=5, T_mult=2),
    ),
    "CyclicLR": (
        _of(lrs.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=5),
        _of(lrs.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=8, mode="exp_range", gamma=0.97),
    ),
    "ExponentialLR": (_of(lrs.ExponentialLR, gamma=0.9),),
    "LambdaLR": (_of(lrs.LambdaLR, lr_lambda=_half_cosine),),
    "LinearLR": (
        _of(lrs.LinearLR, start_factor=0.1, total_iters=10),
        _of(lrs.LinearLR, start_factor=1.0, end_factor=0.1, total_iters=20),
    ),
    "MultiStepLR": (_of(lrs.MultiStepLR, milestones=[5, 20]),),
    "MultiplicativeLR": (
        _of(lrs.MultiplicativeLR, lr_lambda=lambda _: 0.95),
        _of(lrs.MultiplicativeLR, lr_lambda=_less_by_step),
    ),
    "OneCycleLR": (
        _of(lrs.OneCycleLR, max_lr=list(BASE_LRS), total_steps=STEPS + 1),
        _of(lrs.OneCycleLR, max_lr=0.1, total_steps=STEPS + 1, three_phase=True),
    ),
    "PolynomialLR": (_of(lrs.PolynomialLR, power=2, total_iters=40),),
    "ReduceLROnPlateau": (_of(lrs.ReduceLROnPlateau, factor=0.5, patience=3),),
    "SWALR": (_of(SWALR, swa_lr=0.05, anneal_epochs=10),),
    "SequentialLR": (_warm_up_then_exponential, _warm_up_then_cosine),
    "StepLR": (_of(lrs.StepLR, step_size=5, gamma=0.5),),
}


@cache
def measured() -> ConformanceReport:
    """Every example of every family, restored in every way; made once for all tests of a process."""
    return conformance()


def report_of(kind: str, nth: int = 0) -> ResumeReport:
    """The check of one of the examples of a type."""
    found = [one.report for one in measured().configurations if one.type == kind][nth]
    assert found is not None
    return found


def metric(update: int) -> float:
    """A loss that falls at first and stands still from update 8 on."""
    return 1 / min(update, 8)


def takes_a_metric(scheduler: Any) -> bool:
    return type(scheduler).__name__ in {"ReduceLROnPlateau", "GreedyLR"}


def numbers_of(optimizer: torch.optim.Optimizer) -> tuple[float, ...]:
    return tuple(group[key] for key in ("lr", "momentum") for group in optimizer.param_groups)


def plain_optimizer() -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": lr} for lr in BASE_LRS]
    return torch.optim.SGD(groups, lr=0.1, momentum=0.9)


def go(optimizer: torch.optim.Optimizer, scheduler: Any, updates: range) -> Numbers:
    """Train; the updates count from 1. Gives the numbers that each ran with."""
    found = []
    for update in updates:
        found.append(numbers_of(optimizer))
        optimizer.step()
        if takes_a_metric(scheduler):
            scheduler.step(metric(update))
        else:
            scheduler.step()
    return found


def saved(make: Make, save_at: int, *, early: bool = False) -> tuple[Any, Any]:
    optimizer = plain_optimizer()
    scheduler = make(optimizer)
    go(optimizer, scheduler, range(1, save_at + 1 - early))
    if early:
        optimizer.step()
    return deepcopy((optimizer.state_dict(), scheduler.state_dict()))


def resumed(make: Make, recipe: str, save_at: int) -> Numbers:
    """Restore by the statements that people write, in their order."""
    optimizer_state, scheduler_state = saved(make, save_at, early=recipe == "saved-early")
    optimizer = plain_optimizer()
    match recipe:
        case "complete" | "saved-early":
            scheduler = make(optimizer)
            optimizer.load_state_dict(optimizer_state)
            scheduler.load_state_dict(scheduler_state)
        case "optimizer-first":
            optimizer.load_state_dict(optimizer_state)
            scheduler = make(optimizer)
            scheduler.load_state_dict(scheduler_state)
        case "scheduler-only":
            scheduler = make(optimizer)
            scheduler.load_state_dict(scheduler_state)
        case "optimizer-only":
            scheduler = make(optimizer)
            optimizer.load_state_dict(optimizer_state)
        case "optimizer-only-2":
            optimizer.load_state_dict(optimizer_state)
            scheduler = make(optimizer)
        case "last-epoch":
            optimizer.load_state_dict(optimizer_state)
            scheduler = make(optimizer, last_epoch=save_at - 1)
    return go(optimizer, scheduler, range(save_at + 1, STEPS + 1))


def wrong_updates(expected: Numbers, found: Numbers, save_at: int) -> list[int]:
    pairs = enumerate(zip(expected, found, strict=True), start=save_at + 1)
    return [update for update, (one, other) in pairs if one != other]


def largest_difference(expected: Numbers, found: Numbers) -> float:
    """Of an LR; the momenta stand behind the two of them."""
    rows = zip(expected, found, strict=True)
    return max(abs(one[group] - other[group]) for one, other in rows for group in (0, 1))


def param_groups(result: SavePointResult) -> KindResult:
    (found,) = (one for one in result.kinds if one.kind == "param groups")
    return found


def check_by_hand(make: Make, results: list[SavePointResult]) -> None:
    """Each result against the same resume by hand: which updates are wrong, and how wrong an LR becomes."""
    optimizer = plain_optimizer()
    whole = go(optimizer, make(optimizer), range(1, STEPS + 1))
    for result in results:
        found = resumed(make, result.recipe, result.save_at)
        expected = whole[result.save_at :]
        wrong = wrong_updates(expected, found, result.save_at)
        groups = param_groups(result)
        assert groups.differing == len(wrong)
        assert (groups.first.update if groups.first else None) == (wrong[0] if wrong else None)
        largest = largest_difference(expected, found)
        assert (result.largest_lr.value if result.largest_lr else 0.0) == largest
