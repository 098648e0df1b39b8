"""What must hold for every schedule: bounds, resuming anywhere, and looking ahead without a trace."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsched_cli import LRScheduler, Trace, dry_run
from lrsched_cli.core.config import Schedule
from lrsched_cli.core.factors import (
    batch_factor,
    cosine_factor,
    decay_factor,
    learning_rate,
    multiplier,
    warmup_factor,
)
from lrsched_cli.core.parameters import Parameters

few = settings(max_examples=60, deadline=None)

RANGES: dict[str, st.SearchStrategy[Any]] = {
    "warmup_steps": st.integers(0, 40),
    "warmup_scale_min": st.floats(0, 1),
    "warmup_type": st.sampled_from(["linear", "cosine"]),
    "T_0": st.integers(1, 30),
    "T_mult": st.integers(1, 3),
    "eta_scal_min": st.floats(0, 3),
    "eta_scal_max": st.floats(0, 5),
    "gamma": st.floats(0.1, 1.3),
    "base_batch_size": st.integers(1, 500),
    "batch_size_mode": st.sampled_from(["linear", "sqrt", "blend"]),
}
Settings = dict[str, Any]

parameters = st.fixed_dictionaries(RANGES)
some_parameters = st.fixed_dictionaries({}, optional=RANGES)
sizes = st.lists(st.none() | st.integers(0, 2000), min_size=1, max_size=120)
base_lrs = st.lists(st.floats(1e-8, 10), min_size=1, max_size=3)
customs = st.sampled_from([None, lambda step: 1 / step, lambda step: math.cos(step / 9)])


@st.composite
def overrides_for(draw: st.DrawFn, groups: int) -> dict[str | int, Settings]:
    chosen = draw(st.sets(st.integers(0, groups - 1)))
    keys: list[list[str | int]] = [[index, f"group {index}"] for index in sorted(chosen)]
    return {draw(st.sampled_from(either)): draw(some_parameters) for either in keys}


@st.composite
def configurations(draw: st.DrawFn) -> Settings:
    lrs = draw(base_lrs)
    return {
        "lrs": lrs,
        **draw(parameters),
        "custom_lambda": draw(customs),
        "group_overrides": draw(overrides_for(len(lrs))),
    }


def built(configuration: Settings) -> LRScheduler:
    groups = [
        {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr, "name": f"group {index}"}
        for index, lr in enumerate(configuration["lrs"])
    ]
    named = {key: value for key, value in configuration.items() if key != "lrs"}
    return LRScheduler(torch.optim.SGD(groups, lr=0.1), **named)


def lrs_of(scheduler: LRScheduler) -> list[float]:
    return [group["lr"] for group in scheduler.optimizer.param_groups]


def walked(scheduler: LRScheduler, batch_sizes: list[int | None]) -> list[list[float]]:
    rows = []
    for size in batch_sizes:
        scheduler.step(size)
        rows.append(lrs_of(scheduler))
    return rows


def everything(scheduler: LRScheduler) -> list[Any]:
    return copy.deepcopy(
        [
            scheduler.state_dict(),
            scheduler.factors,
            scheduler.scales,
            scheduler.positions,
            scheduler.get_last_lr(),
            scheduler.optimizer.state_dict(),
        ]
    )


def own_parameters(configuration: Settings, index: int) -> Parameters:
    shared = {name: configuration[name] for name in RANGES}
    overrides = configuration["group_overrides"]
    return Parameters(**shared | overrides.get(index, {}) | overrides.get(f"group {index}", {}))


@few
@given(configurations(), sizes)
def test_every_lr_lies_between_its_ends_lifted_by_what_can_be_above_one(
    configuration: Settings, batch_sizes: list[int | None]
) -> None:
    scheduler = built({**configuration, "custom_lambda": None})
    for size in batch_sizes:
        scheduler.step(size)
        for index, (base, lr) in enumerate(zip(configuration["lrs"], lrs_of(scheduler), strict=True)):
            own = own_parameters(configuration, index)
            batch = 1.0 if size is None else batch_factor(size, own.base_batch_size, own.batch_size_mode)
            growth = max(1.0, own.gamma ** scheduler.positions[index].cycle)
            ends = [learning_rate(base, own.eta_scal_min, own.eta_scal_max, x) for x in (0.0, batch * growth)]
            assert min(ends) <= lr <= max(ends)


@few
@given(configurations(), sizes)
def test_every_factor_lies_in_its_range(configuration: Settings, batch_sizes: list[int | None]) -> None:
    scheduler = built({**configuration, "group_overrides": None})
    for size in batch_sizes:
        scheduler.step(size)
        for factors in scheduler.factors:
            assert factors is not None
            assert factors.batch > 0
            assert configuration["warmup_scale_min"] <= factors.warmup <= 1
            assert 0 <= factors.cosine <= 1
            assert factors.decay > 0
            assert math.isfinite(factors.custom)


@few
@given(configurations(), sizes)
def test_the_position_stays_within_the_cycle(configuration: Settings, batch_sizes: list[int | None]) -> None:
    scheduler = built(configuration)
    walked(scheduler, batch_sizes)
    for index, position in enumerate(scheduler.positions):
        own = own_parameters(configuration, index)
        assert 0 <= position.T_cur < position.T_i
        assert position.T_i == own.T_0 * own.T_mult**position.cycle


@few
@given(configurations(), sizes, st.data())
def test_a_run_resumed_at_any_step_goes_on_bit_for_bit(
    configuration: Settings, batch_sizes: list[int | None], data: st.DataObject
) -> None:
    stop = data.draw(st.integers(0, len(batch_sizes)))
    straight = walked(built(configuration), batch_sizes)
    first, second = built(configuration), built(configuration)
    before = walked(first, batch_sizes[:stop])
    second.load_state_dict(json.loads(json.dumps(first.state_dict())), strict=True)
    assert lrs_of(second) == lrs_of(first)
    assert before + walked(second, batch_sizes[stop:]) == straight


@few
@given(configurations(), sizes)
def test_overrides_that_repeat_the_parameters_change_no_bit(
    configuration: Settings, batch_sizes: list[int | None]
) -> None:
    shared = {name: configuration[name] for name in RANGES}
    repeated = dict.fromkeys(range(len(configuration["lrs"])), shared)
    plain = built({**configuration, "group_overrides": None})
    overridden = built({**configuration, "group_overrides": repeated})
    assert walked(overridden, batch_sizes) == walked(plain, batch_sizes)


@few
@given(configurations())
def test_construction_changes_no_lr(configuration: Settings) -> None:
    assert lrs_of(built(configuration)) == configuration["lrs"]


@few
@given(configurations(), sizes, sizes)
def test_looking_ahead_changes_nothing(
    configuration: Settings, batch_sizes: list[int | None], ahead: list[int | None]
) -> None:
    scheduler = built(configuration)
    walked(scheduler, batch_sizes)
    before = everything(scheduler)
    rows = walked(scheduler.detached_copy(), ahead)
    assert everything(scheduler) == before
    assert walked(scheduler, ahead) == rows


@settings(max_examples=5, deadline=None)
@given(configurations(), sizes, st.integers(1, 50), st.none() | st.integers(0, 500))
def test_plotting_changes_nothing(
    configuration: Settings, batch_sizes: list[int | None], steps: int, size: int | None
) -> None:
    scheduler = built(configuration)
    walked(scheduler, batch_sizes)
    before = everything(scheduler)
    scheduler.plot(steps, size)
    assert everything(scheduler) == before


def schedule_of(configuration: Settings, phases: list[int]) -> Schedule:
    groups = [
        {
            "name": f"group {index}",
            "lr": lr,
            "scheduler": own_parameters(configuration, index).model_dump(),
        }
        for index, lr in enumerate(configuration["lrs"])
    ]
    plan = [{"until": 10 * n, "size": size} for n, size in enumerate(phases, start=1)]
    plan[-1].pop("until")
    return Schedule.model_validate(
        {
            "name": "any",
            "steps": 80,
            "batch_size": plan,
            "param_groups": groups,
            "scheduler": {"custom_lambda": "1 / step + cos(step)"},
        }
    )


phases_of = st.lists(st.integers(1, 2000), min_size=1, max_size=5)


@few
@given(configurations(), phases_of)
def test_the_factors_of_a_trace_give_its_multipliers_and_lrs_bit_for_bit(
    configuration: Settings, phases: list[int]
) -> None:
    trace = dry_run(schedule_of(configuration, phases))
    product = multiplier(*(trace.factors[name][1:] for name in trace.factors))
    assert product.tobytes() == trace.scale[1:].tobytes()
    for index in range(len(trace.groups)):
        own = own_parameters(configuration, index)
        base = np.full(trace.steps, configuration["lrs"][index])
        lrs = learning_rate(base, own.eta_scal_min, own.eta_scal_max, product[:, index])
        assert lrs.tobytes() == trace.lr[1:, index].tobytes()


def in_bulk(trace: Trace, index: int, own: Parameters) -> dict[str, np.ndarray[Any, Any]]:
    """A group's factors from the arrays of steps and positions alone."""
    step = trace.step[1:]
    T_cur, T_i, cycle = (trace.state[name][1:, index] for name in ("T_cur", "T_i", "cycle"))
    annealing = step > own.warmup_steps
    return {
        "batch": batch_factor(trace.batch_size[1:], own.base_batch_size, own.batch_size_mode),
        "warmup": warmup_factor(step, own.warmup_steps, own.warmup_scale_min, own.warmup_type),
        "cosine": np.where(annealing, cosine_factor(T_cur, T_i), 1.0),
        "decay": np.where(annealing, decay_factor(own.gamma, cycle), 1.0),
    }


@few
@given(configurations(), phases_of)
def test_factors_of_whole_arrays_are_those_of_the_single_steps(
    configuration: Settings, phases: list[int]
) -> None:
    trace = dry_run(schedule_of(configuration, phases))
    for index in range(len(trace.groups)):
        for name, values in in_bulk(trace, index, own_parameters(configuration, index)).items():
            assert values.tobytes() == trace.factors[name][1:, index].tobytes(), name


@few
@given(configurations(), phases_of)
def test_a_dry_run_does_what_the_built_scheduler_does(configuration: Settings, phases: list[int]) -> None:
    schedule = schedule_of(configuration, phases)
    before = schedule.model_dump(by_alias=True)
    trace = dry_run(schedule)
    model = torch.nn.Linear(1, 1)
    groups = [
        {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": schedule.base_lr(group), "name": group.name}
        for group in schedule.param_groups
    ]
    scheduler = schedule.build_scheduler(
        torch.optim.Adam([*groups, {"params": model.parameters(), "lr": 1.0}])
    )
    rows = walked(scheduler, [schedule.batch_plan.size_at(step) for step in range(1, 81)])
    assert [row[:-1] for row in rows] == trace.lr[1:].tolist()
    assert schedule.model_dump(by_alias=True) == before
