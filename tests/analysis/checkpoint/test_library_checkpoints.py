"""Checkpoints of other libraries' schedulers: read, restored, and held against the plan."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.optim import lr_scheduler as lrs
from torch.optim.swa_utils import SWALR

from lrsched_cli import load_schedule
from lrsched_cli.analysis.checkpoint.inspection import CheckpointReport, inspect_checkpoint
from lrsched_cli.core.families import FAMILIES, alike, is_a_scheduler, kind_of_state
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.core.config import Schedule

    Make = Callable[[torch.optim.Optimizer], Any]
    Section = dict[str, Any]

FILE = Path("c.pt")
BASE_LRS = (0.1, 0.02)
COSINE = {"type": "CosineAnnealingLR", "T_max": 40}
MAKE_COSINE = partial(lrs.CosineAnnealingLR, T_max=40)


def schedule(section: Section, **more: Any) -> Schedule:
    stated = {
        "name": "plan",
        "steps": 40,
        "optimizer": {"type": "AdamW", "lr": 0.1},
        "param_groups": [{"name": f"group{at}", "lr": lr} for at, lr in enumerate(BASE_LRS)],
        "scheduler": section,
        **more,
    }
    Path("plan.yaml").write_text(json.dumps(stated))
    return load_schedule("plan.yaml")


def in_sequence(optimizer: torch.optim.Optimizer) -> Any:
    parts = [lrs.LinearLR(optimizer, 0.1, total_iters=5), lrs.CosineAnnealingLR(optimizer, 35)]
    return lrs.SequentialLR(optimizer, parts, [5])


def chained(optimizer: torch.optim.Optimizer) -> Any:
    return lrs.ChainedScheduler([lrs.LinearLR(optimizer, 0.1), lrs.ExponentialLR(optimizer, 0.9)])


def saved(make: Make, updates: int, *, every: int = 1) -> dict[str, Any]:
    """What a plain loop saves, by nothing but torch."""
    groups = [{"params": [torch.nn.Parameter(torch.ones(2))], "lr": lr} for lr in BASE_LRS]
    optimizer = torch.optim.AdamW(groups, lr=0.1)
    scheduler = make(optimizer)
    for update in range(1, updates + 1):
        for group in optimizer.param_groups:
            group["params"][0].grad = torch.ones(2)
        optimizer.step()
        if update % every == 0:
            scheduler.step(*([1 / min(update, 8)] if type(scheduler).__name__ in METERED else []))
    return deepcopy({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()})


METERED = {"ReduceLROnPlateau", "GreedyLR"}
WARM_UP = {"type": "LinearLR", "start_factor": 0.1, "total_iters": 5}
PLAIN: dict[str, tuple[Section, Make]] = {
    "LambdaLR": (
        {"type": "LambdaLR", "lr_lambda": "0.9**step"},
        partial(lrs.LambdaLR, lr_lambda=lambda step: 0.9**step),
    ),
    "MultiplicativeLR": (
        {"type": "MultiplicativeLR", "lr_lambda": "0.9"},
        partial(lrs.MultiplicativeLR, lr_lambda=lambda _: 0.9),
    ),
    "StepLR": ({"type": "StepLR", "step_size": 5}, partial(lrs.StepLR, step_size=5)),
    "MultiStepLR": (
        {"type": "MultiStepLR", "milestones": [5, 20]},
        partial(lrs.MultiStepLR, milestones=[5, 20]),
    ),
    "ConstantLR": ({"type": "ConstantLR", "total_iters": 20}, partial(lrs.ConstantLR, total_iters=20)),
    "LinearLR": ({"type": "LinearLR", "total_iters": 20}, partial(lrs.LinearLR, total_iters=20)),
    "ExponentialLR": ({"type": "ExponentialLR", "gamma": 0.9}, partial(lrs.ExponentialLR, gamma=0.9)),
    "PolynomialLR": ({"type": "PolynomialLR", "total_iters": 40}, partial(lrs.PolynomialLR, total_iters=40)),
    "CosineAnnealingLR": (COSINE, MAKE_COSINE),
    "CosineAnnealingWarmRestarts": (
        {"type": "CosineAnnealingWarmRestarts", "T_0": 5, "T_mult": 2},
        partial(lrs.CosineAnnealingWarmRestarts, T_0=5, T_mult=2),
    ),
    "CyclicLR": (
        {"type": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5},
        partial(lrs.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=5),
    ),
    "OneCycleLR": (
        {"type": "OneCycleLR", "max_lr": 0.1, "total_steps": 41},
        partial(lrs.OneCycleLR, max_lr=0.1, total_steps=41),
    ),
    "SequentialLR": (
        {
            "type": "SequentialLR",
            "schedulers": [WARM_UP, {"type": "CosineAnnealingLR", "T_max": 35}],
            "milestones": [5],
        },
        in_sequence,
    ),
    "ChainedScheduler": (
        {
            "type": "ChainedScheduler",
            "schedulers": [
                {"type": "LinearLR", "start_factor": 0.1},
                {"type": "ExponentialLR", "gamma": 0.9},
            ],
        },
        chained,
    ),
    "ReduceLROnPlateau": (
        {"type": "ReduceLROnPlateau", "patience": 3, "metric": "1 / min(step, 8)"},
        partial(lrs.ReduceLROnPlateau, patience=3),
    ),
    "SWALR": ({"type": "SWALR", "swa_lr": 0.05}, partial(SWALR, swa_lr=0.05)),
}


def report_on(content: Any, plan: Schedule) -> CheckpointReport:
    torch.save(content, FILE)
    return inspect_checkpoint(plan, FILE)


def differing(report: CheckpointReport) -> dict[str, tuple[Any, Any, str]]:
    return {one.key: (one.saved, one.file, one.wins) for one in report.settings}


def test_all_of_torchs_classes_are_tried() -> None:
    (torchs,) = (family for family in FAMILIES if family.name == "torch")
    assert set(PLAIN) == set(torchs.names())


@pytest.mark.parametrize("updates", [1, 5, 13, 39])
@pytest.mark.parametrize("kind", PLAIN)
def test_a_good_checkpoint_holds_to_the_last_update(kind: str, updates: int) -> None:
    section, make = PLAIN[kind]
    report = report_on(saved(make, updates), schedule(section))
    assert (report.holds, report.described, report.settings) == (True, kind, ())
    assert (report.steps.step, report.restore.tried, report.restore.compared) == (updates, True, 40 - updates)
    assert all(one.restored == one.planned for one in report.restore.next)


def test_a_setting_that_changed_is_the_checkpoints_and_the_run_leaves_the_plan() -> None:
    report = report_on(saved(MAKE_COSINE, 13), schedule({**COSINE, "T_max": 30}))
    assert differing(report) == {"T_max": (40, 30, "checkpoint")}
    assert not report.holds
    assert report.restore.leaves_plan is not None
    assert report.restore.leaves_plan.update == 14


def test_a_setting_of_a_part_is_told_as_the_file_has_it() -> None:
    section, make = PLAIN["SequentialLR"]
    changed = {**section, "schedulers": [WARM_UP, {"type": "CosineAnnealingLR", "T_max": 60}]}
    report = report_on(saved(make, 13), schedule(changed))
    assert differing(report) == {"schedulers.1.T_max": (35, 60, "checkpoint")}


def test_a_formula_that_changed_is_in_no_checkpoint_but_the_run_leaves_the_plan() -> None:
    report = report_on(
        saved(PLAIN["LambdaLR"][1], 13), schedule({"type": "LambdaLR", "lr_lambda": "0.8**step"})
    )
    assert report.settings == ()
    assert not report.as_planned
    assert not report.holds


def test_a_scheduled_momentum_is_no_setting_that_differs() -> None:
    section, make = PLAIN["OneCycleLR"]
    content = saved(make, 13)
    assert content["optimizer"]["param_groups"][0]["betas"][0] != 0.95
    assert report_on(content, schedule(section)).settings == ()


@pytest.mark.parametrize("other", ["StepLR", "SequentialLR", "LambdaLR"])
def test_a_state_of_another_type_is_compared_and_not_restored(other: str) -> None:
    report = report_on(saved(PLAIN[other][1], 13), schedule(COSINE))
    assert (report.restore.tried, report.steps.step, report.described) == (False, 13, "CosineAnnealingLR")
    assert report.scheduler_class is not None
    assert other in report.scheduler_class


def test_our_own_state_is_not_restored_into_another_type_nor_the_other_way() -> None:
    own = schedule({"warmup_steps": 5, "T_0": 10})
    groups = [
        {"params": [torch.nn.Parameter(torch.ones(2))], "lr": lr, "name": f"group{at}"}
        for at, lr in enumerate(BASE_LRS)
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.1)
    scheduler = own.build_scheduler(optimizer)
    content = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
    report = report_on(content, schedule(COSINE))
    assert (report.scheduler_class, report.restore.tried) == ("LRScheduler", False)
    report = report_on(saved(MAKE_COSINE, 13), schedule({"warmup_steps": 5, "T_0": 10}))
    assert (report.scheduler_class, report.restore.tried) == ("CosineAnnealingLR", False)


def test_parts_of_other_types_are_not_alike() -> None:
    section, make = PLAIN["SequentialLR"]
    changed = {**section, "schedulers": [WARM_UP, {"type": "ExponentialLR", "gamma": 0.9}]}
    assert not report_on(saved(make, 13), schedule(changed)).restore.tried
    assert not alike(saved(make, 3)["scheduler"], saved(chained, 3)["scheduler"])


@pytest.mark.parametrize("updates", [10, 13, 19, 20, 35])
def test_a_scheduler_stepped_every_epoch_stands_where_the_updates_say(updates: int) -> None:
    plan = schedule({"type": "StepLR", "step_size": 2}, step_every="epoch", steps_per_epoch=10)
    report = report_on(saved(partial(lrs.StepLR, step_size=2), updates, every=10), plan)
    assert (report.steps.step, report.steps.agree, report.holds) == (updates, True, True)
    assert report.restore.compared == 40 - updates


def test_a_run_that_cannot_go_on_is_told_in_a_line() -> None:
    plan = schedule({"type": "OneCycleLR", "max_lr": 0.1, "total_steps": 41})
    content = saved(partial(lrs.OneCycleLR, max_lr=0.1, total_steps=30), 13)
    torch.save(content, FILE)
    with pytest.raises(
        UsageError, match=r"^c\.pt: a run with OneCycleLR cannot go on from it: Tried to step 3"
    ):
        inspect_checkpoint(plan, FILE)


@pytest.mark.parametrize("name", ["cosine", "linear", "greedy", "reduce_lr_on_plateau"])
def test_checkpoints_of_transformers_schedulers_hold(name: str) -> None:
    optimization = pytest.importorskip("transformers.optimization")
    warm = (
        {}
        if name in {"greedy", "reduce_lr_on_plateau"}
        else {"num_warmup_steps": 5, "num_training_steps": 40}
    )
    metric = {} if warm else {"metric": "1 / min(step, 8)"}

    def make(optimizer: torch.optim.Optimizer) -> Any:
        return optimization.get_scheduler(name, optimizer, **warm)

    report = report_on(saved(make, 13), schedule({"type": f"transformers.{name}", **warm, **metric}))
    assert (report.holds, report.restore.tried, report.restore.compared) == (True, True, 27)


def test_a_greedy_state_is_none_of_torchs() -> None:
    optimization = pytest.importorskip("transformers.optimization")
    state = saved(optimization.GreedyLR, 3)["scheduler"]
    assert kind_of_state(state) == "transformers.greedy"
    assert not alike(state, saved(PLAIN["ReduceLROnPlateau"][1], 3)["scheduler"])


def test_a_class_name_is_known_with_its_module_and_without() -> None:
    assert is_a_scheduler("torch.optim.lr_scheduler.StepLR")
    assert is_a_scheduler("my.own.LRScheduler")
    assert not is_a_scheduler("my.own.Trainer")
