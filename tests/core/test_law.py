"""The law: its recorded traces, an independent reading of it, and its single facts."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch

from lrsched_cli import CustomLambdaError, LRScheduler
from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.law import Factors, Position, Track
from lrsched_cli.core.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))

Row = list[str]


def optimizer_at(lrs: Sequence[float]) -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(2))], "lr": lr} for lr in lrs]
    return torch.optim.Adam(groups)


def row_of(scheduler: LRScheduler) -> Row:
    state: list[float] = [scheduler.last_epoch, scheduler.T_i, scheduler.T_cur, scheduler.cycle]
    lrs = [group["lr"] for group in scheduler.optimizer.param_groups]
    return [repr(value) for value in (*state, scheduler.lr_scale, *lrs)]


def traced(scheduler: LRScheduler, sizes: Iterable[float | None]) -> Iterator[Row]:
    yield row_of(scheduler)
    for size in sizes:
        scheduler.step(size)
        yield row_of(scheduler)


class Golden(NamedTuple):
    header: Row
    rows: list[Row]
    about: dict[str, Any]


def golden(name: str) -> Golden:
    with (GOLDEN / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    return Golden(header, rows, json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")))


def batch_sizes(plan: Any, steps: int) -> Iterator[float | None]:
    phases = plan if isinstance(plan, list) else [[None, plan]]
    for step in range(1, steps + 1):
        yield next(size for until, size in phases if until is None or step <= until)


def scheduler_of(about: dict[str, Any]) -> LRScheduler:
    text = about["custom_lambda"]
    return LRScheduler(
        optimizer_at(about["lrs"]),
        **about["scheduler"],
        custom_lambda=None if text is None else Expression(text),
    )


def test_there_are_recorded_traces() -> None:
    assert len(NAMES) == 10


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_trace_has_the_columns_that_are_compared(name: str) -> None:
    recorded = golden(name)
    lrs = [f"lr_{index}" for index in range(len(recorded.about["lrs"]))]
    assert recorded.header == ["step", "T_i", "T_cur", "cycle", "lr_scale", *lrs]


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_trace_comes_out_bit_for_bit(name: str) -> None:
    recorded = golden(name)
    sizes = batch_sizes(recorded.about["batch_size"], recorded.about["steps"])
    assert list(traced(scheduler_of(recorded.about), sizes)) == recorded.rows


def law(
    lrs: Sequence[float],
    sizes: Iterable[float | None],
    custom: Callable[[int], float] | None,
    **p: Any,
) -> Iterator[Row]:
    """The law once more, step by step and in plain mathematics: what the scheduler is held against."""
    global_step, T_i, T_cur, cycle = 0, p["T_0"], 0, 0
    yield [repr(value) for value in (global_step, T_i, T_cur, cycle, 1.0, *lrs)]
    for size in sizes:
        t = global_step + 1
        b = 1.0
        if size is not None:
            r = max(1, size) / p["base_batch_size"]
            root = math.sqrt(r)
            b = {"linear": r, "sqrt": root, "blend": 0.5 * r + 0.5 * root}[p["batch_size_mode"]]
        if t <= p["warmup_steps"]:
            c = d = 1.0
            share = t / p["warmup_steps"]
            rise = share if p["warmup_type"] == "linear" else 0.5 * (1 - math.cos(math.pi * share))
            w = max(p["warmup_scale_min"], rise)
        else:
            w = 1.0
            T_cur += 1
            if T_cur >= T_i:
                T_cur, T_i, cycle = 0, T_i * p["T_mult"], cycle + 1
            c = 0.5 * (1 + math.cos(math.pi * T_cur / T_i))
            d = p["gamma"] ** cycle
        u = 1.0 if custom is None else custom(t)
        lr_scale = b * w * c * d * u
        ends = [(lr * p["eta_scal_min"], lr * p["eta_scal_max"]) for lr in lrs]
        written = [low + (high - low) * lr_scale for low, high in ends]
        global_step = t
        yield [repr(value) for value in (global_step, T_i, T_cur, cycle, lr_scale, *written)]


def random_parameters(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warmup_steps": int(rng.choice([0, 1, 2, 33, 120])),
        "warmup_scale_min": float(rng.uniform(0, 1)),
        "warmup_type": str(rng.choice(["linear", "cosine"])),
        "T_0": int(rng.integers(1, 60)),
        "T_mult": int(rng.integers(1, 4)),
        "eta_scal_min": float(rng.uniform(0, 1)),
        "eta_scal_max": float(rng.uniform(0, 4)),
        "gamma": float(rng.uniform(0.3, 1.2)),
        "base_batch_size": int(rng.integers(1, 300)),
        "batch_size_mode": str(rng.choice(["linear", "sqrt", "blend"])),
    }


@pytest.mark.parametrize("seed", range(24))
def test_the_law_read_independently_gives_the_same_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parameters = random_parameters(rng)
    lrs = [float(lr) for lr in rng.uniform(1e-5, 1, 1 + seed % 3)]
    sizes: list[float | None] = [
        None if rng.random() < 0.2 else int(rng.integers(0, 600)) for _ in range(400)
    ]
    custom = (lambda t: 1 / (1 + t / 50)) if seed % 2 else None
    scheduler = LRScheduler(optimizer_at(lrs), **parameters, custom_lambda=custom)
    assert list(traced(scheduler, sizes)) == list(law(lrs, sizes, custom, **parameters))


def test_a_group_with_its_own_schedule_follows_the_law_with_its_own_parameters() -> None:
    rng = np.random.default_rng(7)
    shared, own = random_parameters(rng), random_parameters(rng)
    scheduler = LRScheduler(optimizer_at([0.1, 0.3]), **shared, group_overrides={1: own})
    sizes: list[float | None] = [96] * 500
    expected = [
        (shared_row[5], own_row[5])
        for shared_row, own_row in zip(
            law([0.1], sizes, None, **shared), law([0.3], sizes, None, **own), strict=True
        )
    ]
    assert [(row[5], row[6]) for row in traced(scheduler, sizes)] == expected


def track(custom: Callable[[int], float] | None = None, **parameters: Any) -> Track:
    return Track(Parameters(**parameters), custom)


def walked(one: Track, steps: int, batch_size: float | None = None) -> Track:
    for step in range(1, steps + 1):
        one.prepare(step, batch_size)
        one.commit()
    return one


def test_before_the_first_step_every_factor_is_one() -> None:
    assert track().factors == Factors(1.0, 1.0, 1.0, 1.0, 1.0)


def test_before_the_first_step_the_first_cycle_has_not_begun() -> None:
    assert track(T_0=30).position == Position(T_cur=0, T_i=30, cycle=0)


def test_the_position_stays_during_the_warmup() -> None:
    assert walked(track(warmup_steps=10, T_0=3), 10).position == Position(0, 3, 0)


def test_the_warmup_ends_at_the_full_multiplier() -> None:
    assert walked(track(warmup_steps=10), 10).lr_scale == 1.0


def test_neither_annealing_nor_decay_acts_during_the_warmup() -> None:
    one = walked(track(warmup_steps=10, T_0=2, gamma=0.5), 9)
    assert (one.factors.cosine, one.factors.decay) == (1.0, 1.0)


def test_the_first_annealing_step_is_one_step_into_the_cycle() -> None:
    assert walked(track(warmup_steps=10, T_0=30), 11).position == Position(1, 30, 0)


def test_a_restarts_own_step_has_the_full_cosine_and_the_new_decay() -> None:
    one = walked(track(warmup_steps=0, T_0=10, gamma=0.5), 10)
    assert (one.position, one.factors.cosine, one.factors.decay) == (Position(0, 20, 1), 1.0, 0.5)


def test_the_decay_stays_within_a_cycle() -> None:
    one = track(warmup_steps=0, T_0=10, T_mult=1, gamma=0.5)
    decays = []
    for step in range(1, 30):
        one.prepare(step, None)
        one.commit()
        decays.append(one.factors.decay)
    assert decays == [1.0] * 9 + [0.5] * 10 + [0.25] * 10


def test_each_cycle_is_t_mult_times_as_long_as_the_one_before() -> None:
    assert walked(track(warmup_steps=0, T_0=2, T_mult=3), 2 + 6 + 18).position == Position(0, 54, 3)


def test_cycles_of_one_step_restart_at_every_step() -> None:
    assert walked(track(warmup_steps=3, T_0=1, T_mult=1), 10).position == Position(0, 1, 7)


def test_a_batch_size_is_forgotten_at_a_step_without_one() -> None:
    one = walked(track(), 1, batch_size=256)
    assert one.factors.batch == 2.0
    one.prepare(2, None)
    one.commit()
    assert one.factors.batch == 1.0


def test_the_custom_factor_acts_during_the_warmup_too() -> None:
    assert walked(track(lambda step: step / 2, warmup_steps=10), 3).factors.custom == 1.5


def test_the_custom_factor_is_asked_once_per_step_for_the_steps_number() -> None:
    asked: list[int] = []
    walked(track(lambda step: asked.append(step) or 1.0), 5)  # type: ignore[func-returns-value]
    assert asked == [1, 2, 3, 4, 5]


def failing(_step: int) -> float:
    raise RuntimeError("no value here")


@pytest.mark.parametrize(
    "custom",
    [
        failing,
        lambda _: math.nan,
        lambda _: math.inf,
        lambda _: None,
        lambda _: "1.0",
        lambda _: 1j,
        lambda _: [1.0],
        lambda _: 10**400,
    ],
    ids=["raises", "nan", "inf", "none", "text", "complex", "list", "too large"],
)
def test_a_custom_factor_that_is_no_finite_number_is_an_error_with_its_step(custom: Any) -> None:
    with pytest.raises(CustomLambdaError, match="step 7") as caught:
        track(custom).prepare(7, None)
    assert caught.value.step == 7


def test_what_the_custom_factor_raised_is_the_errors_cause() -> None:
    with pytest.raises(CustomLambdaError, match="no value here") as caught:
        track(failing).prepare(1, None)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_failing_custom_factor_names_the_group_of_its_schedule() -> None:
    with pytest.raises(CustomLambdaError) as caught:
        Track(Parameters(), failing, group="head").prepare(1, None)
    assert caught.value.group == "head"


def test_a_failing_custom_factor_leaves_the_last_factors_alone() -> None:
    one = walked(track(lambda step: 0.5 if step < 3 else math.nan), 2)
    before = one.factors
    with pytest.raises(CustomLambdaError):
        one.prepare(3, None)
    assert one.factors == before


@pytest.mark.parametrize("given", [np.float32(0.5), np.float64(0.5), np.int64(2), 1, True])
def test_a_number_of_another_library_becomes_a_plain_float(given: Any) -> None:
    one = walked(track(lambda _: given), 1)
    assert type(one.factors.custom) is float
    assert one.factors.custom == given


@pytest.mark.parametrize("steps", [0, 1, 9, 10, 11, 14, 15, 29, 30, 31, 500])
def test_the_position_at_a_step_is_where_walking_leads(steps: int) -> None:
    parameters: dict[str, Any] = {"warmup_steps": 10, "T_0": 5, "T_mult": 3}
    assert track(**parameters).position_at(steps) == walked(track(**parameters), steps).position


@pytest.mark.parametrize("steps", [0, 1, 10, 11, 40, 77])
def test_a_restored_track_stands_as_it_stood(steps: int) -> None:
    parameters: dict[str, Any] = {"warmup_steps": 10, "T_0": 5, "gamma": 0.9}
    stood = walked(track(lambda step: 1 / step, **parameters), steps, batch_size=100)
    restored = track(lambda step: 1 / step, **parameters).restored(stood.position, steps, 100)
    assert (restored.position, restored.factors, restored.lr_scale) == (
        stood.position,
        stood.factors,
        stood.lr_scale,
    )


def test_restoring_leaves_the_track_itself_alone() -> None:
    one = walked(track(), 250)
    before = (one.position, one.factors, one.lr_scale)
    one.restored(Position(3, 200, 1), 303, 32)
    assert (one.position, one.factors, one.lr_scale) == before


@pytest.mark.parametrize("steps", [1, 5, 50])
def test_a_track_restored_to_the_start_has_no_factors_left(steps: int) -> None:
    used = walked(track(warmup_steps=10), steps, batch_size=256)
    restored = used.restored(Position(0, 200, 0), 0, None)
    assert (restored.factors, restored.lr_scale) == (Factors(1.0, 1.0, 1.0, 1.0, 1.0), 1.0)
