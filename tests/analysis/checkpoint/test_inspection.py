"""A user's own checkpoint against the schedule file: really trained, saved, and really restored."""

from __future__ import annotations

import copy
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

from lrsched_cli import LRScheduler, dry_run, load_schedule
from lrsched_cli.analysis.checkpoint.inspection import CheckpointKeys, CheckpointReport, inspect_checkpoint
from lrsched_cli.core.families import kind_of_state
from lrsched_cli.errors import LrschedError, ScheduleMismatchWarning, StateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.core.config import Schedule

FILE = Path("c.pt")
YAML = """
name: small
steps: 60
loop: LOOP
optimizer: {type: AdamW, weight_decay: 0.05}
batch_size: [{until: 20, size: 64}, 128]
param_groups:
  - {name: body, lr: 1e-3}
  - {name: head, lr: 5e-3, weight_decay: 0.0, scheduler: {T_0: 8, warmup_steps: 4}}
scheduler: {warmup_steps: 10, T_0: 20, T_mult: 1, gamma: 0.9}
"""
LOOPS = ("optimizer-first", "scheduler-first")
every_loop = pytest.mark.parametrize("loop", LOOPS)


def schedule(*overrides: str, loop: str = "optimizer-first") -> Schedule:
    path = Path("small.yaml")
    path.write_text(YAML.replace("LOOP", loop))
    return load_schedule(path, overrides=overrides)


class Run:
    """A training run by the schedule file, one real parameter per group."""

    def __init__(self, plan: Schedule, **settings: Any) -> None:
        self.plan = plan
        self.parameters = [torch.nn.Parameter(torch.ones(2)) for _ in plan.param_groups]
        groups = [
            {"params": [parameter], "name": group.name, "lr": plan.base_lr(group), **group.settings}
            for parameter, group in zip(self.parameters, plan.param_groups, strict=True)
        ]
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(
            groups, **{**plan.optimizer.settings, **settings}
        )
        self.scheduler = plan.build_scheduler(self.optimizer)

    def update(self) -> None:
        for parameter in self.parameters:
            parameter.grad = torch.ones(2)
        self.optimizer.step()

    def step(self) -> None:
        self.scheduler.step(self.plan.batch_plan.size_at(self.scheduler.last_epoch + 1))

    def train(self, updates: int) -> Run:
        order = (self.update, self.step) if self.plan.loop == "optimizer-first" else (self.step, self.update)
        for _ in range(updates):
            for call in order:
                call()
        return self

    def checkpoint(self) -> dict[str, Any]:
        return copy.deepcopy(
            {
                "optimizer": self.optimizer.state_dict(),
                "scheduler": self.scheduler.state_dict(),
                "step": self.scheduler.last_epoch,
            }
        )


def report_on(content: Any, plan: Schedule, **keys: str) -> CheckpointReport:
    torch.save(content, FILE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return inspect_checkpoint(plan, FILE, CheckpointKeys(**keys))


def refused(content: Any, plan: Schedule, kind: type[LrschedError] = UsageError) -> str:
    with pytest.raises(kind) as caught:
        report_on(content, plan)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def known(report: CheckpointReport) -> list[tuple[str, int, str | None]]:
    return [(one.source, one.steps, one.reason) for one in report.steps.known]


@every_loop
@pytest.mark.parametrize("updates", [1, 9, 10, 11, 20, 21, 29, 30, 31, 59, 60])
def test_a_good_checkpoint_holds(updates: int, loop: str) -> None:
    plan = schedule(loop=loop)
    report = report_on(Run(plan).train(updates).checkpoint(), plan)
    assert report.holds
    assert known(report) == [(source, updates, None) for source in ("scheduler", "step", "optimizer")]
    assert (report.steps.step, report.end, report.scheduler_class) == (updates, 60, "LRScheduler")
    assert (report.settings, report.restore.messages) == ((), ())
    for group in report.groups:
        assert group.optimizer is not None
        assert group.scheduler is not None
        assert group.optimizer.value == group.scheduler.value == group.planned == group.restored
        assert (group.matched_by, group.agree) == ("name", True)


@every_loop
def test_a_checkpoint_before_the_first_update_holds(loop: str) -> None:
    plan = schedule(loop=loop)
    report = report_on(Run(plan).checkpoint(), plan)
    assert (report.holds, report.steps.step, report.restore.compared) == (True, 0, 60)


@every_loop
def test_the_next_updates_are_those_that_the_run_really_makes(loop: str) -> None:
    plan = schedule(loop=loop)
    run = Run(plan).train(26)
    report = report_on(run.checkpoint(), plan)
    assert [one.update for one in report.restore.next] == [27, 28, 29, 30, 31]
    for one in report.restore.next:
        if loop == "scheduler-first":
            run.step()
        assert one.restored == one.planned == tuple(group["lr"] for group in run.optimizer.param_groups)
        if loop == "optimizer-first":
            run.step()
    assert report.restore.compared == 34


@every_loop
def test_at_the_end_of_the_schedule_no_update_is_left(loop: str) -> None:
    plan = schedule(loop=loop)
    for updates in (60, 63):
        report = report_on(Run(plan).train(updates).checkpoint(), plan)
        assert (report.holds, report.restore.next) == (True, ())
        assert (report.end, report.followed) == (60, updates)


@pytest.mark.parametrize(("loop", "ahead"), [("optimizer-first", 1), ("scheduler-first", -1)])
def test_a_file_written_between_the_two_steps_is_told_as_such(loop: str, ahead: int) -> None:
    plan = schedule(loop=loop)
    run = Run(plan).train(26)
    run.update() if loop == "optimizer-first" else run.step()
    report = report_on(run.checkpoint(), plan)
    assert not report.holds
    stands, made = run.scheduler.last_epoch, run.scheduler.last_epoch + ahead
    assert known(report) == [
        ("scheduler", stands, None),
        ("step", stands, None),
        ("optimizer", made, "between the steps"),
    ]
    # Each update of the resumed run gets the LR of its neighbour.
    trace = dry_run(plan)
    for one in report.restore.next:
        assert one.planned == tuple(trace.lr[one.step])
        assert one.restored == tuple(trace.lr[one.step - ahead])
    assert report.restore.next[0].update == made + 1
    assert report.restore.leaves_plan is not None
    assert report.restore.leaves_plan.update == made + 1


@pytest.mark.parametrize(("loop", "more"), [("optimizer-first", "step"), ("scheduler-first", "update")])
def test_one_apart_the_other_way_is_another_fault(loop: str, more: str) -> None:
    plan = schedule(loop=loop)
    run = Run(plan).train(26)
    getattr(run, more)()
    assert known(report_on(run.checkpoint(), plan))[2][2] == "other loop order"


@pytest.mark.parametrize(
    ("step", "reason"), [(25, "counted from 0"), (27, "counted ahead"), (260, "apart"), (0, "apart")]
)
def test_a_step_entry_that_says_otherwise_is_explained(step: int, reason: str) -> None:
    plan = schedule()
    report = report_on({**Run(plan).train(26).checkpoint(), "step": step}, plan)
    assert (report.holds, report.agree, report.as_planned, report.steps.step) == (False, True, True, 26)
    assert known(report)[1] == ("step", step, reason)


def test_a_wrong_rate_of_steps_is_explained() -> None:
    plan = schedule()
    fast, slow, skipping = (Run(plan) for _ in range(3))
    for _ in range(10):
        fast.update()
        fast.step()
        fast.step()
        slow.update()
        slow.update()
        slow.update()
        slow.step()
    skipping.train(8)
    skipping.step()
    skipping.step()
    skipping.step()
    for run, reason, factor in (
        (fast, "several scheduler steps per update", 2),
        (slow, "several updates per scheduler step", 3),
        (skipping, "apart", None),
    ):
        report = report_on(run.checkpoint(), plan)
        assert (report.steps.known[2].reason, report.steps.known[2].factor) == (reason, factor)
        assert not report.holds


def test_counters_that_differ_among_parameters_are_told() -> None:
    plan = schedule()
    run = Run(plan).train(26)
    run.optimizer.state[run.parameters[0]]["step"] -= 6
    report = report_on(run.checkpoint(), plan)
    assert report.holds
    assert (report.steps.known[2].steps, report.steps.known[2].fewest) == (26, 20)


def test_without_a_scheduler_the_step_entry_counts_then_the_optimizers_counters() -> None:
    plan = schedule()
    content = Run(plan).train(26).checkpoint()
    del content["scheduler"]
    report = report_on(content, plan)
    assert (report.holds, report.scheduler, report.scheduler_class) == (True, None, None)
    assert known(report) == [("step", 26, None), ("optimizer", 26, None)]
    assert (report.restore.tried, report.restore.compared) == (False, 0)
    assert [one.restored for one in report.restore.next] == [None] * 5
    alone = report_on(content["optimizer"], plan)
    assert (alone.holds, known(alone)) == (True, [("optimizer", 26, None)])
    assert report_on({**content, "step": 25}, plan).steps.known[1].reason == "counted ahead"


def test_without_an_optimizer_the_scheduler_alone_is_judged() -> None:
    plan = schedule()
    report = report_on(Run(plan).train(26).checkpoint()["scheduler"], plan)
    assert (report.holds, report.optimizer, report.restore.tried) == (True, None, True)
    assert [(group.optimizer, group.agree) for group in report.groups] == [(None, None)] * 2


def test_without_any_step_there_is_an_error() -> None:
    plan = schedule()
    content = Run(plan).checkpoint()["optimizer"]
    assert "does not say at which step it stands" in refused({"optimizer": content}, plan)
    assert report_on({"optimizer": content, "n": 0}, plan, step="n").holds


@pytest.mark.parametrize(("row", "place"), [(25, "before"), (27, "after"), (0, "start"), (40, "other")])
def test_lrs_of_another_step_are_recognised(row: int, place: str) -> None:
    del place
    plan = schedule()
    content = Run(plan).train(26).checkpoint()
    for index, group in enumerate(content["optimizer"]["param_groups"]):
        group["lr"] = float(dry_run(plan).lr[row, index])
    report = report_on(content, plan)
    assert (report.holds, report.agree, report.as_planned, report.steps.agree) == (False, False, False, True)
    for group in report.groups:
        assert group.optimizer is not None
        assert group.optimizer.found_at == row
        assert group.scheduler is not None
        assert group.scheduler.as_planned
    # This package's scheduler writes the LRs that belong to its step: the fault does not outlive a restore.
    assert report.restore.leaves_plan is None


def test_of_several_steps_with_an_lr_the_neighbour_is_told_then_step_0_then_the_nearest() -> None:
    plan = schedule("scheduler.gamma=1", "scheduler.eta_scal_max=1.0", "batch_size=64")
    lrs = dry_run(plan).lr[:, 0]
    assert lrs[0] == lrs[10] == lrs[30] == lrs[50]
    assert lrs[13] == lrs[33] == lrs[53]
    for step, row, found in ((31, 30, 30), (29, 30, 30), (27, 30, 0), (40, 13, 33)):
        content = Run(plan).train(step).checkpoint()
        content["optimizer"]["param_groups"][0]["lr"] = float(lrs[row])
        reading = report_on(content, plan).groups[0].optimizer
        assert reading is not None
        assert reading.found_at == found


def test_a_groups_own_limits_count_in_what_the_scheduler_believes() -> None:
    plan = schedule("param_groups.head.scheduler.eta_scal_max=3.0", "scheduler.eta_scal_min=0.1")
    assert report_on(Run(plan).train(26).checkpoint(), plan).holds


def test_one_ulp_is_a_difference() -> None:
    plan = schedule()
    content = Run(plan).train(26).checkpoint()
    group = content["optimizer"]["param_groups"][1]
    group["lr"] = math.nextafter(group["lr"], 1)
    report = report_on(content, plan)
    assert not report.holds
    assert [one.agree for one in report.groups] == [True, False]
    reading = report.groups[1].optimizer
    assert reading is not None
    assert (reading.as_planned, reading.found_at) == (False, None)


def test_an_lr_that_is_a_multiple_of_the_plan_has_its_ratio() -> None:
    plan = schedule()
    content = Run(plan).train(26).checkpoint()
    for group in content["optimizer"]["param_groups"]:
        group["lr"] *= 4
    ratios = [group.optimizer and group.optimizer.ratio for group in report_on(content, plan).groups]
    assert ratios == [4.0, 4.0]


def test_lrs_in_tensors_are_compared_at_their_precision() -> None:
    plan = schedule()
    run = Run(plan, foreach=False)
    for group in run.optimizer.param_groups:
        group["lr"] = torch.tensor(group["lr"])
    run.scheduler = plan.build_scheduler(run.optimizer)
    for index, group in enumerate(run.optimizer.param_groups):
        group["initial_lr"] = plan.base_lr(plan.param_groups[index])
    run.scheduler = plan.build_scheduler(run.optimizer)
    run.train(26)
    report = report_on(run.checkpoint(), plan)
    assert report.holds
    assert [group.dtype for group in report.groups] == ["float32", "float32"]
    assert report.groups[0].planned != dry_run(plan).lr[26, 0]


def test_groups_without_names_are_matched_by_order() -> None:
    plan = schedule()
    content = Run(plan).train(26).checkpoint()
    for group in content["optimizer"]["param_groups"]:
        del group["name"]
    report = report_on(content, plan)
    assert [(one.matched_by, one.saved_name, one.as_planned) for one in report.groups] == [
        ("order", None, True),
        ("order", None, True),
    ]


def test_groups_in_another_order_are_matched_by_name_and_do_not_hold() -> None:
    plan = schedule()
    content = Run(plan).train(26).checkpoint()
    content["optimizer"]["param_groups"].reverse()
    report = report_on(content, plan)
    assert [(one.matched_by, one.saved_index, one.as_planned) for one in report.groups] == [
        ("name", 1, True),
        ("name", 0, True),
    ]
    assert (report.in_order, report.holds, report.as_planned) == (False, False, True)
    assert report.settings == ()


def test_two_groups_of_one_name_are_matched_by_order() -> None:
    plan = schedule()
    content = Run(plan).train(26).checkpoint()
    content["optimizer"]["param_groups"][1]["name"] = "body"
    assert [one.matched_by for one in report_on(content, plan).groups] == ["order", "order"]


CHANGES: tuple[tuple[str, str, Any, Any, str], ...] = (
    ("scheduler.gamma=0.5", "gamma", 0.9, 0.5, "file"),
    ("scheduler.eta_scal_max=1.5", "eta_scal_max", 2.0, 1.5, "file"),
    ("scheduler.eta_scal_min=0.1", "eta_scal_min", 0.2, 0.1, "file"),
    ("scheduler.base_batch_size=32", "base_batch_size", 64, 32, "file"),
    ("scheduler.batch_size_mode=linear", "batch_size_mode", "sqrt", "linear", "file"),
    ("scheduler.T_mult=3", "T_mult", 1, 3, "file"),
    ("scheduler.warmup_steps=40", "warmup_steps", 10, 40, "file"),
    ("scheduler.T_0=30", "T_0", 20, 30, "checkpoint"),
)


def really_restored(content: dict[str, Any], plan: Schedule) -> Run:
    """What a user does: build everything from the file, then load both states."""
    run = Run(plan)
    run.optimizer.load_state_dict(content["optimizer"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScheduleMismatchWarning)
        run.scheduler.load_state_dict(content["scheduler"])
    return run


def lrs_of(run: Run, steps: int) -> list[float]:
    lrs = []
    for _ in range(steps):
        run.step()
        lrs.append(run.optimizer.param_groups[0]["lr"])
    return lrs


@pytest.mark.parametrize(("override", "key", "saved", "new", "wins"), CHANGES)
def test_who_wins_is_who_really_wins(override: str, key: str, saved: Any, new: Any, wins: str) -> None:
    content = Run(schedule()).train(26).checkpoint()
    plan = schedule(override)
    (unlike,) = report_on(content, plan).settings
    assert (unlike.part, unlike.group, unlike.key) == ("scheduler", None, key)
    assert (unlike.saved, unlike.file, unlike.wins) == (saved, new, wins)
    as_saved = lrs_of(really_restored(content, schedule()), 34)
    as_filed = lrs_of(really_restored(content, plan), 34)
    assert (as_filed == as_saved) == (wins == "checkpoint")


def test_the_optimizers_settings_really_come_from_the_checkpoint_but_the_base_lrs_from_the_file() -> None:
    content = Run(schedule()).train(26).checkpoint()
    plan = schedule("optimizer.weight_decay=0.2", "optimizer.betas=[0.8, 0.9]", "param_groups.body.lr=0.01")
    found = {(one.part, one.group, one.key): one for one in report_on(content, plan).settings}
    assert {(*place, one.saved, one.file, one.wins) for place, one in found.items()} == {
        ("optimizer", "body", "weight_decay", 0.05, 0.2, "checkpoint"),
        ("optimizer", "body", "betas", (0.9, 0.999), (0.8, 0.9), "checkpoint"),
        ("optimizer", "head", "betas", (0.9, 0.999), (0.8, 0.9), "checkpoint"),
        ("optimizer", "body", "initial_lr", 0.001, 0.01, "file"),
        ("scheduler", "body", "base_lr", 0.001, 0.01, "file"),
    }
    run = really_restored(content, plan)
    group = run.optimizer.param_groups[0]
    assert (group["weight_decay"], group["betas"]) == (0.05, (0.9, 0.999))
    assert run.scheduler.base_lrs[0] == 0.01
    lr = 10 * content["optimizer"]["param_groups"][0]["lr"]
    assert group["lr"] == pytest.approx(lr)
    assert report_on(content, plan).groups[0].restored == group["lr"]


def test_settings_that_show_in_no_lr_do_not_fail() -> None:
    content = Run(schedule()).train(26).checkpoint()
    report = report_on(content, schedule("optimizer.weight_decay=0.2", "optimizer.eps=1e-6"))
    assert (len(report.settings), report.holds) == (3, True)


def test_another_cycle_length_shows_only_after_the_warmup_and_is_found() -> None:
    content = Run(schedule()).train(5).checkpoint()
    report = report_on(content, schedule("scheduler.T_0=30"))
    assert (report.as_planned, report.agree, report.steps.agree) == (True, True, True)
    assert report.restore.leaves_plan is not None
    assert (report.restore.leaves_plan.step, report.restore.leaves_plan.group) == (11, "body")
    assert not report.holds
    assert report.restore.messages == (
        "this state was saved under another configuration (saved → current): T_0: 20 → 30",
    )


def test_a_groups_own_schedule_is_compared_too() -> None:
    content = Run(schedule()).train(26).checkpoint()
    (one,) = report_on(content, schedule("param_groups.head.scheduler.gamma=0.5")).settings
    assert (one.part, one.group, one.key, one.saved, one.file) == ("scheduler", "head", "gamma", None, 0.5)


def test_a_formula_that_is_only_in_the_file_is_told() -> None:
    content = Run(schedule()).train(26).checkpoint()
    (one,) = report_on(content, schedule("scheduler.custom_lambda='1 / step'")).settings
    assert (one.key, one.saved, one.file, one.wins) == ("custom_lambda", False, True, "file")


def test_another_batch_size_at_the_last_step_is_told() -> None:
    plan = schedule()
    run = Run(plan).train(25)
    run.update()
    run.scheduler.step(256)
    report = report_on(run.checkpoint(), plan)
    (one,) = report.settings
    assert (one.key, one.saved, one.file, one.wins) == ("batch_size", 256, 128, "checkpoint")
    assert [group.restored == group.planned for group in report.groups] == [False, False]
    assert run.optimizer.param_groups[0]["lr"] == report.groups[0].restored
    # Only the update that runs at this very step shows it.
    assert report.restore.leaves_plan is not None
    assert report.restore.next[1].restored == report.restore.next[1].planned


def test_another_optimizer_class_shows_in_its_settings() -> None:
    plan = schedule()
    content = Run(plan).train(26).checkpoint()
    for group in content["optimizer"]["param_groups"]:
        del group["betas"]
        group["momentum"] = 0.9
    found = {(one.key, one.saved, one.file) for one in report_on(content, plan).settings}
    assert found == {("betas", None, (0.9, 0.999)), ("momentum", 0.9, None)}


def test_how_an_optimizer_computes_is_no_difference() -> None:
    plan = schedule()
    content = Run(plan).train(26).checkpoint()
    content["optimizer"]["param_groups"][0] |= {"fused": True, "foreach": False}
    assert report_on(content, plan).settings == ()


TORCHS: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "LambdaLR or MultiplicativeLR": lambda o: lr_scheduler.LambdaLR(o, lambda _: 1.0),
    "StepLR": lambda o: lr_scheduler.StepLR(o, 5),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [3]),
    "ConstantLR": lr_scheduler.ConstantLR,
    "LinearLR": lr_scheduler.LinearLR,
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "PolynomialLR": lr_scheduler.PolynomialLR,
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 50),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, cycle_momentum=False),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, 50),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [2]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(o, 5)]),
    "SWALR": lambda o: SWALR(o, 0.05),
}


@pytest.mark.parametrize("name", TORCHS)
def test_torchs_own_schedulers_are_recognised_and_compared(name: str) -> None:
    plan = schedule()
    run = Run(plan)
    for group in run.optimizer.param_groups:
        group.pop("initial_lr", None)
    other = TORCHS[name](run.optimizer)
    for _ in range(7):
        run.update()
        other.step()
    assert kind_of_state(other.state_dict()) == name
    report = report_on({"optimizer": run.optimizer.state_dict(), "scheduler": other.state_dict()}, plan)
    assert (report.scheduler_class, report.steps.step, report.steps.agree) == (name, 7, True)
    assert (report.agree, report.as_planned, report.restore.tried) == (True, False, False)


def test_a_plateau_scheduler_is_recognised() -> None:
    run = Run(schedule())
    assert kind_of_state(lr_scheduler.ReduceLROnPlateau(run.optimizer).state_dict()) == "ReduceLROnPlateau"
    assert kind_of_state({"last_epoch": 3}) == ""


def test_base_lrs_of_torchs_schedulers_are_compared_and_win() -> None:
    plan = schedule("param_groups.body.lr=0.01")
    run = Run(schedule())
    state = {"last_epoch": 0, "_step_count": 1, "base_lrs": [1e-3, 5e-3], "_last_lr": [1e-3, 5e-3]}
    report = report_on({"optimizer": run.optimizer.state_dict(), "scheduler": state}, plan)
    assert [(one.part, one.key, one.wins) for one in report.settings] == [
        ("optimizer", "initial_lr", "checkpoint"),
        ("scheduler", "base_lr", "checkpoint"),
    ]


def test_a_bare_state_is_taken_as_the_scheduler_takes_it() -> None:
    plan = schedule("param_groups.head.scheduler={}")
    run = Run(plan).train(26)
    whole = run.scheduler.state_dict()
    bare = {key: whole[key] for key in ("global_step", "T_i", "T_cur", "cycle")}
    report = report_on({"optimizer": run.optimizer.state_dict(), "scheduler": bare}, plan)
    assert (report.holds, report.scheduler_class) == (True, "LRScheduler")
    assert [(group.scheduler, group.agree) for group in report.groups] == [(None, None)] * 2


def test_a_state_that_cannot_be_restored_is_an_error() -> None:
    plan = schedule()
    content = Run(plan).train(26).checkpoint()
    del content["scheduler"]["T_i"]
    message = refused(content, plan, StateError)
    assert message == f"{FILE}: scheduler: this is no state of LRScheduler: T_i is missing"
    content["scheduler"] |= {"T_i": 20, "hyperparameters": {}}
    assert "eta_scal_min" in refused(content, plan, StateError)
    content["scheduler"]["format_version"] = 99
    assert "newer version" in refused(content, plan, StateError)


def test_an_optimizers_state_that_is_none_is_an_error() -> None:
    plan = schedule()
    good = Run(plan).train(3).checkpoint()
    for optimizer, reason in (
        ({"state": {}}, "optimizer: is no optimizer's state: param_groups is missing"),
        ({"param_groups": 3}, "optimizer: param_groups must be a list of dicts (got 3)"),
        ({"param_groups": [3]}, "optimizer: param_groups must be a list of dicts (got a list of 1)"),
        ({"param_groups": [{"lr": 1.0}, {}]}, "optimizer: param_groups.1 has no lr"),
        (
            {"param_groups": [{"lr": "x"}]},
            "optimizer: param_groups.0.lr must be a number (got the text 'x')",
        ),
        ({"param_groups": [{"lr": torch.zeros(2)}]}, "tensor of shape (2))"),
    ):
        assert reason in refused({**good, "optimizer": optimizer}, plan)


def test_another_number_of_groups_is_an_error() -> None:
    content = Run(schedule()).train(3).checkpoint()
    other = load_schedule("no-warmup")
    assert refused(content, other) == (
        f"{FILE}: optimizer: the optimizer's state has 2 param groups, no-warmup has 1 param group: they "
        "belong to different runs"
    )
    assert "the scheduler's state has 2 param groups" in refused(content["scheduler"], other)
    empty = {"last_epoch": 3, "_last_lr": [], "base_lrs": []}
    assert report_on({**content, "scheduler": empty}, schedule()).groups[0].scheduler is None


def test_a_step_beyond_a_dry_run_is_an_error() -> None:
    content = Run(schedule()).train(3).checkpoint()
    del content["scheduler"]
    assert "stands at step 10,000,001, beyond" in refused({**content, "step": 10_000_001}, schedule())


def test_a_schedule_without_an_end_is_followed_a_while() -> None:
    plan = schedule("steps=null", "scheduler.T_mult=1000")
    report = report_on(Run(plan).train(3).checkpoint(), plan)
    assert (report.holds, report.followed) == (True, 1003)


def test_a_law_that_cannot_go_on_is_an_error() -> None:
    plan = schedule("scheduler.gamma=1e30")
    content = Run(plan).train(3).checkpoint()
    content["scheduler"] |= {"cycle": 10}
    assert "after a restore, the multiplier" in refused(content, plan)


def test_the_checkpoint_is_left_as_it_is() -> None:
    plan = schedule()
    torch.save(Run(plan).train(26).checkpoint(), FILE)
    before = FILE.read_bytes()
    inspect_checkpoint(plan, FILE)
    assert FILE.read_bytes() == before


@given(updates=st.integers(0, 60), loop=st.sampled_from(LOOPS))
def test_a_run_holds_wherever_it_is_saved(updates: int, loop: str) -> None:
    plan = schedule(loop=loop)
    report = report_on(Run(plan).train(updates).checkpoint(), plan)
    assert report.holds
    assert report.restore.compared == 60 - updates


def test_an_optimizer_without_counters_is_judged_by_the_rest() -> None:
    plan = schedule()
    parameters = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    groups = [
        {"params": [parameter], "name": group.name, "lr": plan.base_lr(group)}
        for parameter, group in zip(parameters, plan.param_groups, strict=True)
    ]
    optimizer = torch.optim.SGD(groups)
    scheduler = LRScheduler(optimizer)
    scheduler.step()
    report = report_on({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, plan)
    assert known(report) == [("scheduler", 1, None)]


@pytest.mark.parametrize(
    ("state", "field"),
    [
        ({"num_updates": 26}, "num_updates"),
        ({"_step_count": 27}, "_step_count - 1"),
        ({"_schedulers": [{"last_epoch": 26}]}, "_schedulers.0.last_epoch"),
    ],
)
def test_the_step_of_other_schedulers_is_found_where_they_keep_it(state: dict[str, Any], field: str) -> None:
    plan = schedule()
    content = {**Run(plan).train(26).checkpoint(), "scheduler": state}
    del content["step"]
    report = report_on(content, plan)
    assert [(one.where, one.steps) for one in report.steps.known] == [
        (f"scheduler.{field}", 26),
        ("optimizer.state.*.step", 26),
    ]
    assert report.holds


def test_an_optimizer_saved_without_a_scheduler_says_nothing_of_base_lrs() -> None:
    plan = schedule()
    content = Run(plan).checkpoint()
    for group in content["optimizer"]["param_groups"]:
        del group["initial_lr"]
    assert report_on(content, plan).settings == ()


def test_progress_runs_once_from_the_first_step_to_the_last_of_both_runs() -> None:
    plan = schedule("steps=20000")
    torch.save(Run(plan).train(5000).checkpoint(), FILE)
    calls: list[tuple[int, int]] = []
    inspect_checkpoint(plan, FILE, progress=lambda done, total: calls.append((done, total)))
    assert {total for _, total in calls} == {35_000}
    done = [one for one, _ in calls]
    assert done == sorted(done)
    assert 20_000 < done[-1] <= 35_000
