"""The package's own scheduler continues exactly: random schedules, every boundary, every optimizer."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lrsched_cli import ScheduleFileError, load_schedule
from lrsched_cli.analysis.resume.save_points import MAX_TURNING_POINTS
from lrsched_cli.analysis.resume.verify import verify_resume
from lrsched_cli.core.families import own
from lrsched_cli.core.signatures import optimizer_arguments, optimizer_names

if TYPE_CHECKING:
    from lrsched_cli.analysis.resume.results import ResumeReport
    from lrsched_cli.core.config import Schedule

BATCHES, IN_A_BATCH = 8, 25  # 200 schedules
EXACT = ("complete", "optimizer-first", "loaded-twice")
EXACT_LRS = (*EXACT, "scheduler-only", "replay")

OPTIMIZERS: list[dict[str, Any]] = [
    {"type": "Adam"},
    {"type": "Adam", "amsgrad": True, "betas": [0.8, 0.95]},
    {"type": "AdamW", "weight_decay": 0.1, "foreach": True},
    {"type": "SGD"},
    {"type": "SGD", "momentum": 0.9, "nesterov": True},
    {"type": "SGD", "momentum": 0.8, "weight_decay": 0.01, "fused": True},
    {"type": "RMSprop", "momentum": 0.5, "centered": True},
    {"type": "NAdam"},
    {"type": "Adagrad", "lr_decay": 0.01},
    {"type": "RAdam"},
    {"type": "Adadelta"},
    {"type": "Adamax"},
    {"type": "ASGD"},
    {"type": "Rprop"},
    {"type": "Muon"},
    {"type": "Adafactor"},
]
FORMULAS = ["1 / step", "1 + 0.5 * sin(step / 3)", "0.1 if step > 20 else 1"]


def parameters(draw: random.Random) -> dict[str, Any]:
    return {
        "warmup_steps": draw.choice([0, 1, draw.randint(0, 30)]),
        "warmup_scale_min": draw.choice([0, draw.random(), 1]),
        "warmup_type": draw.choice(["linear", "cosine"]),
        "T_0": 1 if draw.random() < 0.03 else draw.randint(3, 30),
        "T_mult": draw.choice([1, 2, 3]),
        "eta_scal_min": draw.choice([0, draw.uniform(0, 1)]),
        "eta_scal_max": draw.uniform(0, 3),
        "gamma": draw.choice([1, draw.uniform(0.2, 1.2)]),
        "base_batch_size": draw.randint(1, 300),
        "batch_size_mode": draw.choice(["linear", "sqrt", "blend"]),
    }


def some(draw: random.Random, settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if draw.random() < 0.4}


def batch_plan(draw: random.Random, steps: int) -> Any:
    match draw.randrange(4):
        case 0:
            return None
        case 1:
            return {"per_device": draw.randint(1, 64), "devices": draw.randint(1, 8)}
    ends = sorted(draw.sample(range(1, steps + 10), draw.randint(1, 4)))
    return [*({"until": end, "size": draw.randint(1, 999)} for end in ends), {"size": draw.randint(1, 999)}]


def groups(draw: random.Random, optimizer: str) -> list[dict[str, Any]]:
    found = []
    for index in range(draw.randint(1, 3)):
        group: dict[str, Any] = {"name": f"g{index}", "lr": 10 ** draw.uniform(-5, 0)}
        if draw.random() < 0.5:
            own = some(draw, parameters(draw))
            group["scheduler"] = own | ({"custom_lambda": FORMULAS[0]} if draw.random() < 0.3 else {})
        if draw.random() < 0.3:
            group["shapes"] = {"weight": [3, 2], "matrix": [1, 4]}
        if draw.random() < 0.3 and "weight_decay" in optimizer_arguments(optimizer):
            group["weight_decay"] = draw.choice([0, 0.03])
        found.append(group)
    return found


def random_schedule(number: int) -> str:
    """The YAML text of one; the same for the same number."""
    draw = random.Random(number)  # noqa: S311 - variety, no secrets
    slow = OPTIMIZERS[number % len(OPTIMIZERS)]["type"] == "Muon"
    steps = 10 + int((6 if slow else 71) * draw.random() ** 2)
    scheduler = parameters(draw) | ({"custom_lambda": draw.choice(FORMULAS)} if draw.random() < 0.3 else {})
    optimizer = OPTIMIZERS[number % len(OPTIMIZERS)]
    stated = {
        "steps": steps,
        "loop": draw.choice(["optimizer-first", "scheduler-first"]),
        "batch_size": batch_plan(draw, steps),
        "optimizer": optimizer,
        "param_groups": groups(draw, optimizer["type"]),
        "scheduler": scheduler,
    }
    return yaml.safe_dump(stated, sort_keys=False)


def loaded(text: str) -> Schedule:
    Path("s.yaml").write_text(text)
    return load_schedule("s.yaml", overrides=["scheduler.gamma=0.75"] if len(text) % 5 == 0 else [])


def without_origin(schedule: Schedule) -> Schedule:
    """The same schedule, which no other process can read: it is resumed in this one."""
    copied = schedule.model_copy()
    copied._origin = None
    return copied


def check_that_all_is_identical(schedule: Schedule, report: ResumeReport) -> None:
    steps = schedule.total_steps
    wrong = [result for result in report.results if not result.identical]
    assert wrong == []
    assert report.identical
    assert [result.save_at for result in report.results] == [point.step for point in report.save_points]
    assert all(result.updates == steps - result.save_at for result in report.results)
    assert {1, steps // 2, steps - 1} <= {point.step for point in report.save_points}


def boundaries_by_hand(schedule: Schedule) -> set[int]:
    """Warm-up ends, restarts and batch phases' last steps of every group, from the settings alone."""
    found = set(schedule.batch_plan.ends)
    for group in schedule.param_groups:
        runs_under = own.parameters_of(schedule, group)
        found.add(runs_under.warmup_steps)
        at, length = runs_under.warmup_steps, runs_under.T_0
        while at + length < schedule.total_steps:
            at += length
            length *= runs_under.T_mult
            found.add(at)
    return {step for step in found if 0 < step < schedule.total_steps}


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_schedules_continue_exactly_from_every_boundary(batch: int) -> None:
    for number in range(batch * IN_A_BATCH, (batch + 1) * IN_A_BATCH):
        schedule = without_origin(loaded(random_schedule(number)))
        report = verify_resume(schedule, save_at="boundaries", seed=number)
        assert not report.fresh_process
        check_that_all_is_identical(schedule, report)
        turning = boundaries_by_hand(schedule)
        saved = {point.step for point in report.save_points}
        assert len(turning - saved) <= report.boundaries_left_out
        if len(turning) <= MAX_TURNING_POINTS:
            assert report.boundaries_left_out == 0
            around = {step + offset for step in turning for offset in (-1, 0, 1)}
            assert saved >= around - {0, schedule.total_steps}


@pytest.mark.parametrize("number", [3, 117])
def test_random_schedules_continue_exactly_in_a_fresh_process(number: int) -> None:
    schedule = loaded(random_schedule(number))
    report = verify_resume(schedule)
    assert report.fresh_process
    check_that_all_is_identical(schedule, report)


@pytest.mark.parametrize("start", range(0, 24, 6))
def test_random_schedules_restored_in_every_way(start: int) -> None:
    for number in range(start, start + 6):
        schedule = without_origin(loaded(random_schedule(number)))
        middle = schedule.total_steps // 2
        report = verify_resume(schedule, save_at=(1, middle, schedule.total_steps - 1), recipes="all")
        for recipe in EXACT:
            assert all(result.identical for result in report.of_recipe(recipe)), (number, recipe)
        for recipe in EXACT_LRS:
            assert all(result.numbers_identical for result in report.of_recipe(recipe)), (number, recipe)
        assert [result for result in report.results if result.failure] == []
        assert {skipped.recipe for skipped in report.skipped} == {"last-epoch"}


@pytest.mark.parametrize("kind", optimizer_names())
def test_every_optimizer_of_torch_continues_exactly(kind: str) -> None:
    text = f"steps: 12\noptimizer: {{type: {kind}}}\nscheduler: {{warmup_steps: 2, T_0: 4, gamma: 0.8}}\n"
    report = verify_resume(without_origin(loaded(text)), save_at=(1, 3), recipes="all")
    assert report.optimizer == kind
    assert [result for result in report.results if result.failure] == []
    for recipe, (first, second) in itertools.product(EXACT, [(1, 3)]):
        saved = [(result.save_at, result.identical) for result in report.of_recipe(recipe)]
        assert saved == [(first, True), (second, True)], recipe
    for recipe in EXACT_LRS:
        assert all(result.numbers_identical for result in report.of_recipe(recipe)), recipe
    for recipe in ("optimizer-only", "optimizer-only-2", "saved-early"):
        assert not any(result.identical for result in report.of_recipe(recipe)), recipe


@pytest.mark.parametrize("kind", sorted(set(optimizer_names()) - {"SGD"}))
def test_the_state_of_every_optimizer_is_compared(kind: str) -> None:
    # Without its state restored, every optimizer that has one shows it; plain SGD has none.
    text = f"steps: 12\noptimizer: {{type: {kind}}}\nscheduler: {{T_0: 4}}\n"
    report = verify_resume(without_origin(loaded(text)), save_at=3, recipes="scheduler-only")
    (result,) = report.of_recipe("scheduler-only")
    kinds = {one.kind: one.differing for one in result.kinds}
    assert kinds["optimizer state"] > 0


def test_an_optimizer_that_takes_one_group_alone_is_refused_as_in_training() -> None:
    schedule = loaded("steps: 12\noptimizer: {type: LBFGS}\nparam_groups: [{name: a}, {name: b}]\n")
    with pytest.raises(ScheduleFileError, match="torch refuses these settings: LBFGS"):
        verify_resume(schedule)
