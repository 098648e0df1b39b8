"""Saving and restoring: what a state holds, what restoring does, and what it says about differences."""

from __future__ import annotations

import copy
import json
import math
import re
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lrsched_cli import (
    CustomLambdaError,
    LRScheduler,
    ScheduleMismatchError,
    ScheduleMismatchWarning,
    StateError,
)
from lrsched_cli.core.factors import learning_rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SMALL: dict[str, Any] = {"warmup_steps": 10, "T_0": 20, "gamma": 0.9}


def parameter(*shape: int) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.zeros(shape))


def optimizer_of(*groups: Mapping[str, Any]) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [parameter(2)], **group} for group in groups], lr=0.1)


def two_groups() -> torch.optim.Optimizer:
    return optimizer_of({"lr": 0.1, "name": "trunk"}, {"lr": 0.3, "name": "head"})


def scheduler_of(**parameters: Any) -> LRScheduler:
    return LRScheduler(two_groups(), **{**SMALL, **parameters})


def stepped(scheduler: LRScheduler, steps: int, batch_size: float | None = None) -> LRScheduler:
    for _ in range(steps):
        scheduler.step(batch_size)
    return scheduler


def lrs_of(scheduler: LRScheduler) -> list[float]:
    return [float(group["lr"]) for group in scheduler.optimizer.param_groups]


def shown(scheduler: LRScheduler) -> dict[str, Any]:
    return {
        "state": scheduler.state_dict(),
        "lrs": lrs_of(scheduler),
        "last lrs": scheduler.get_last_lr(),
        "factors": scheduler.factors,
        "scales": scheduler.scales,
        "positions": scheduler.positions,
        "steps": (scheduler.last_epoch, scheduler._step_count),
        "initial lrs": [group.get("initial_lr") for group in scheduler.optimizer.param_groups],
    }


OVERRIDES: dict[str | int, dict[str, Any]] = {"head": {"T_0": 7, "batch_size_mode": "linear"}}
STEPS = [0, 1, 9, 10, 11, 29, 30, 31, 69, 70, 71, 123]


class TestWhatAStateHolds:
    def test_a_state_has_the_documented_fields(self) -> None:
        state = stepped(scheduler_of(), 40, 128).state_dict()
        assert {"global_step", "T_i", "T_cur", "cycle", "lr_scale", "base_lrs"} <= state.keys()
        assert (state["global_step"], state["T_i"], state["T_cur"], state["cycle"]) == (40, 40, 10, 1)
        assert state["base_lrs"] == [0.1, 0.3]

    def test_a_state_has_the_groups_names(self) -> None:
        text = json.dumps(scheduler_of().state_dict())
        assert '"trunk"' in text
        assert '"head"' in text

    def test_a_state_has_every_hyperparameter(self) -> None:
        scheduler = scheduler_of(eta_scal_max=1.5)
        assert scheduler.state_dict()["hyperparameters"] == scheduler.parameters.model_dump()

    def test_a_state_has_each_groups_own_position(self) -> None:
        groups = stepped(scheduler_of(group_overrides=OVERRIDES), 20).state_dict()["groups"]
        assert [(group["T_cur"], group["T_i"], group["cycle"]) for group in groups] == [
            (10, 20, 0),
            (3, 14, 1),
        ]

    @pytest.mark.parametrize("custom", [None, lambda _: 1.0], ids=["without", "with"])
    def test_a_state_says_whether_there_was_a_custom_lambda(self, custom: Any) -> None:
        assert scheduler_of(custom_lambda=custom).state_dict()["custom_lambda"] is (custom is not None)

    def test_a_state_has_a_format_version(self) -> None:
        assert scheduler_of().state_dict()["format_version"] == 1

    def test_a_state_is_plain_json(self) -> None:
        scheduler = stepped(scheduler_of(group_overrides=OVERRIDES, custom_lambda=lambda _: 0.5), 40, 128)
        state = scheduler.state_dict()
        assert json.loads(json.dumps(state, allow_nan=False)) == state

    @pytest.mark.parametrize("kind", [np.int64, np.float32, np.float64])
    def test_a_state_is_plain_json_where_numbers_came_from_another_library(self, kind: Any) -> None:
        own = {"head": {"eta_scal_max": np.float32(1.5)}}
        scheduler = scheduler_of(T_0=np.int64(20), gamma=np.float64(0.9), group_overrides=own)
        state = stepped(scheduler, 40, kind(128)).state_dict()
        assert json.loads(json.dumps(state)) == state

    def test_a_state_of_tensor_lrs_is_plain_json(self) -> None:
        state = stepped(LRScheduler(optimizer_of({"lr": torch.tensor(0.5)})), 3).state_dict()
        assert json.loads(json.dumps(state)) == state

    def test_a_state_is_read_back_from_a_file_with_weights_only(self, tmp_path: Path) -> None:
        scheduler = stepped(scheduler_of(group_overrides=OVERRIDES, custom_lambda=lambda _: 0.5), 40, 128)
        torch.save({"scheduler": scheduler.state_dict()}, tmp_path / "checkpoint.pt")
        read = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
        assert read == {"scheduler": scheduler.state_dict()}

    def test_a_state_does_not_follow_the_scheduler(self) -> None:
        scheduler = stepped(scheduler_of(group_overrides=OVERRIDES), 40)
        state = scheduler.state_dict()
        before = copy.deepcopy(state)
        stepped(scheduler, 40)
        assert state == before

    def test_changing_a_state_leaves_the_scheduler_alone(self) -> None:
        scheduler = stepped(scheduler_of(group_overrides=OVERRIDES), 40)
        state = scheduler.state_dict()
        before = copy.deepcopy(state)
        state["groups"][1]["overrides"].clear()
        state["groups"][0]["T_i"] = 1
        state["base_lrs"].clear()
        state["hyperparameters"].clear()
        assert scheduler.state_dict() == before


class TestRestoring:
    @pytest.mark.parametrize("steps", STEPS)
    def test_a_restored_scheduler_shows_what_the_saved_one_did(self, steps: int) -> None:
        saved = stepped(scheduler_of(group_overrides=OVERRIDES), steps, 100)
        fresh = scheduler_of(group_overrides=OVERRIDES)
        fresh.load_state_dict(saved.state_dict())
        assert shown(fresh) == shown(saved)

    @pytest.mark.parametrize("steps", STEPS)
    def test_a_restored_scheduler_goes_on_as_the_saved_one(self, steps: int) -> None:
        saved = stepped(scheduler_of(group_overrides=OVERRIDES), steps, 100)
        fresh = scheduler_of(group_overrides=OVERRIDES)
        fresh.load_state_dict(saved.state_dict())
        assert shown(stepped(fresh, 50)) == shown(stepped(saved, 50))

    @pytest.mark.parametrize("steps", STEPS)
    def test_a_used_scheduler_is_restored_as_a_fresh_one_is(self, steps: int) -> None:
        saved = stepped(scheduler_of(group_overrides=OVERRIDES), steps, 100)
        used = stepped(scheduler_of(group_overrides=OVERRIDES), 57, 31)
        used.load_state_dict(saved.state_dict())
        assert shown(used) == shown(saved)

    @pytest.mark.parametrize("steps", [1, 40])
    def test_restoring_the_state_before_the_first_step_puts_the_base_lrs_back(self, steps: int) -> None:
        scheduler = stepped(scheduler_of(), steps)
        scheduler.load_state_dict(scheduler_of().state_dict())
        assert lrs_of(scheduler) == [0.1, 0.3]

    def test_restoring_writes_the_lrs_where_the_optimizer_was_not_restored(self) -> None:
        saved = stepped(scheduler_of(), 40)
        fresh = scheduler_of()
        fresh.load_state_dict(saved.state_dict())
        assert lrs_of(fresh) == lrs_of(saved)
        assert fresh.get_last_lr() == lrs_of(saved)

    def test_the_order_of_restoring_optimizer_and_scheduler_does_not_matter(self) -> None:
        saved = stepped(scheduler_of(), 40)
        results = []
        for optimizer_first in (True, False):
            optimizer = two_groups()
            fresh = LRScheduler(optimizer, **SMALL)
            loads = [
                lambda one=optimizer: one.load_state_dict(saved.optimizer.state_dict()),
                lambda one=fresh: one.load_state_dict(saved.state_dict()),
            ]
            for load in loads if optimizer_first else reversed(loads):
                load()
            results.append((lrs_of(fresh), lrs_of(stepped(fresh, 9))))
        assert results[0] == results[1]
        assert results[0][0] == lrs_of(saved)

    def test_a_scheduler_built_over_a_restored_optimizer_can_be_restored(self) -> None:
        saved = stepped(scheduler_of(), 40)
        optimizer = two_groups()
        optimizer.load_state_dict(saved.optimizer.state_dict())
        fresh = LRScheduler(optimizer, **SMALL)
        fresh.load_state_dict(saved.state_dict(), strict=True)
        assert shown(stepped(fresh, 9)) == shown(stepped(saved, 9))

    def test_the_custom_lambda_of_the_new_scheduler_goes_on(self) -> None:
        saved = stepped(scheduler_of(custom_lambda=lambda step: 1 / step), 40)
        fresh = scheduler_of(custom_lambda=lambda step: 1 / step)
        fresh.load_state_dict(saved.state_dict())
        assert shown(stepped(fresh, 9)) == shown(stepped(saved, 9))

    def test_a_state_that_went_through_json_restores_the_same(self) -> None:
        saved = stepped(scheduler_of(group_overrides=OVERRIDES), 40, 100)
        fresh = scheduler_of(group_overrides=OVERRIDES)
        fresh.load_state_dict(json.loads(json.dumps(saved.state_dict())))
        assert shown(fresh) == shown(saved)

    @pytest.mark.parametrize("strict", [False, True])
    def test_the_state_that_is_given_is_not_changed(self, *, strict: bool) -> None:
        state = stepped(scheduler_of(group_overrides=OVERRIDES), 40, 100).state_dict()
        before = copy.deepcopy(state)
        fresh = scheduler_of(group_overrides=OVERRIDES)
        fresh.load_state_dict(state, strict=strict)
        stepped(fresh, 40)
        assert state == before

    def test_a_state_given_twice_restores_the_same_twice(self) -> None:
        state = stepped(scheduler_of(group_overrides=OVERRIDES), 40, 100).state_dict()
        scheduler = scheduler_of(group_overrides=OVERRIDES)
        scheduler.load_state_dict(state)
        first = shown(scheduler)
        stepped(scheduler, 33)
        scheduler.load_state_dict(state)
        assert shown(scheduler) == first

    def test_a_group_that_no_step_has_scheduled_yet_is_restored_at_its_base_lr(self) -> None:
        saved = stepped(scheduler_of(), 40)
        saved.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7, "name": "tail"})
        fresh = scheduler_of()
        fresh.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7, "name": "tail"})
        fresh.load_state_dict(saved.state_dict())
        assert lrs_of(fresh) == lrs_of(saved)
        assert lrs_of(stepped(fresh, 1)) == lrs_of(stepped(saved, 1))

    def test_groups_in_another_order_keep_their_own_positions(self) -> None:
        saved = stepped(scheduler_of(group_overrides=OVERRIDES), 40)
        swapped = optimizer_of({"lr": 0.3, "name": "head"}, {"lr": 0.1, "name": "trunk"})
        fresh = LRScheduler(swapped, **SMALL, group_overrides=OVERRIDES)
        with pytest.warns(ScheduleMismatchWarning, match="names of the param groups"):
            fresh.load_state_dict(saved.state_dict())
        assert lrs_of(fresh) == lrs_of(saved)[::-1]

    def test_cycles_longer_than_any_run_are_restored_too(self) -> None:
        long: dict[str, Any] = {"warmup_steps": 0, "T_0": 2, "T_mult": 2**53}
        saved = stepped(scheduler_of(**long), 5)
        fresh = scheduler_of(**long)
        fresh.load_state_dict(saved.state_dict())
        assert shown(fresh) == shown(saved)


BARE = {"global_step": 40, "T_i": 40, "T_cur": 10, "cycle": 1}


class TestABareState:
    def test_a_bare_state_leaves_the_lrs_as_they_are(self) -> None:
        scheduler = stepped(scheduler_of(), 3)
        before = lrs_of(scheduler)
        scheduler.load_state_dict(BARE)
        assert (lrs_of(scheduler), scheduler.get_last_lr()) == (before, before)

    def test_a_bare_state_sets_the_position(self) -> None:
        scheduler = scheduler_of()
        scheduler.load_state_dict(BARE)
        found = (scheduler.global_step, scheduler.T_i, scheduler.T_cur, scheduler.cycle)
        assert found == (40, 40, 10, 1)

    @pytest.mark.parametrize("steps", STEPS)
    def test_after_a_bare_state_the_next_step_is_the_laws(self, steps: int) -> None:
        saved = stepped(scheduler_of(), steps)
        bare = {key: saved.state_dict()[key] for key in BARE}
        fresh = scheduler_of()
        fresh.load_state_dict(bare)
        assert lrs_of(stepped(fresh, 1)) == lrs_of(stepped(saved, 1))

    @pytest.mark.parametrize("steps", [0, 10, 11, 17, 18, 40, 123])
    def test_after_a_bare_state_a_groups_own_schedule_goes_on_from_the_same_step(self, steps: int) -> None:
        saved = stepped(scheduler_of(group_overrides=OVERRIDES), steps)
        fresh = scheduler_of(group_overrides=OVERRIDES)
        fresh.load_state_dict({key: saved.state_dict()[key] for key in BARE})
        assert fresh.positions == saved.positions
        assert lrs_of(stepped(fresh, 1)) == lrs_of(stepped(saved, 1))

    def test_a_bare_state_with_its_multiplier_writes_the_lrs(self) -> None:
        saved = stepped(scheduler_of(), 40, 100)
        fresh = scheduler_of()
        fresh.load_state_dict({**BARE, "lr_scale": saved.lr_scale})
        assert lrs_of(fresh) == lrs_of(saved)

    def test_a_bare_state_is_no_mismatch(self) -> None:
        scheduler = scheduler_of()
        scheduler.load_state_dict(BARE, strict=True)
        assert scheduler.global_step == 40

    def test_after_a_bare_state_no_factors_are_known(self) -> None:
        scheduler = stepped(scheduler_of(), 3)
        scheduler.load_state_dict(BARE)
        assert scheduler.factors == [None, None]

    def test_a_bare_state_is_not_changed(self) -> None:
        given = dict(BARE)
        scheduler_of().load_state_dict(given)
        assert given == BARE

    def test_a_bare_state_far_along_is_restored_without_walking_there(self) -> None:
        # In a process of its own, which can be ended: walking there would take days.
        code = (
            "import torch; from lrsched_cli import LRScheduler\n"
            "groups = [{'params': [torch.zeros(1, requires_grad=True)]} for _ in range(2)]\n"
            "s = LRScheduler(torch.optim.SGD(groups, lr=0.1), group_overrides={1: {'T_0': 7}})\n"
            "s.load_state_dict({'global_step': 10**12, 'T_i': 2**40, 'T_cur': 5, 'cycle': 30})\n"
            "print(s.positions[1].T_i > 0)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True)
        assert done.stdout.split() == [b"True"]


def mismatch(saved: LRScheduler, current: LRScheduler) -> str:
    with pytest.warns(ScheduleMismatchWarning) as caught:
        current.load_state_dict(saved.state_dict())
    (warning,) = caught
    return str(warning.message)


HYPERPARAMETERS: list[tuple[str, Any, Any]] = [
    ("warmup_steps", 10, 11),
    ("warmup_scale_min", 0.05, 0.06),
    ("warmup_type", "linear", "cosine"),
    ("T_0", 20, 21),
    ("T_mult", 2, 3),
    ("eta_scal_min", 0.2, 0.1),
    ("eta_scal_max", 2.0, 1.0),
    ("gamma", 0.9, 0.8),
    ("base_batch_size", 64, 32),
    ("batch_size_mode", "sqrt", "blend"),
]


class TestAMismatch:
    @pytest.mark.parametrize(("name", "old", "new"), HYPERPARAMETERS)
    def test_another_hyperparameter_is_listed(self, name: str, old: Any, new: Any) -> None:
        text = mismatch(stepped(scheduler_of(**{name: old}), 40), scheduler_of(**{name: new}))
        assert re.search(rf"\b{name}: {old} → {new}$", text, re.MULTILINE)

    def test_only_what_differs_is_listed(self) -> None:
        text = mismatch(stepped(scheduler_of(), 40), scheduler_of(gamma=0.5))
        assert [line.strip() for line in text.splitlines()[1:]] == ["gamma: 0.9 → 0.5"]

    def test_every_difference_is_listed(self) -> None:
        saved = scheduler_of(T_0=5, custom_lambda=lambda _: 1.0)
        current = LRScheduler(optimizer_of({"lr": 0.2, "name": "trunk"}), **SMALL)
        text = mismatch(saved, current)
        for part in ("T_0: 5 → 20", "custom_lambda: set → not set", "0.1 → 0.2", "param groups: 2 → 1"):
            assert part in text

    def test_another_base_lr_is_listed_with_its_group(self) -> None:
        other = optimizer_of({"lr": 0.1, "name": "trunk"}, {"lr": 0.4, "name": "head"})
        text = mismatch(stepped(scheduler_of(), 40), LRScheduler(other, **SMALL))
        assert [line.strip() for line in text.splitlines()[1:]] == ["group head, base LR: 0.3 → 0.4"]

    def test_another_number_of_groups_is_listed(self) -> None:
        current = LRScheduler(optimizer_of({"lr": 0.1, "name": "trunk"}), **SMALL)
        assert "number of param groups: 2 → 1" in mismatch(scheduler_of(), current)

    def test_other_names_of_groups_are_listed(self) -> None:
        other = optimizer_of({"lr": 0.1, "name": "trunk"}, {"lr": 0.3})
        text = mismatch(scheduler_of(), LRScheduler(other, **SMALL))
        assert "names of the param groups: trunk, head → trunk, (unnamed)" in text

    def test_groups_in_another_order_have_no_other_base_lrs(self) -> None:
        swapped = optimizer_of({"lr": 0.3, "name": "head"}, {"lr": 0.1, "name": "trunk"})
        text = mismatch(stepped(scheduler_of(), 40), LRScheduler(swapped, **SMALL))
        assert "base LR" not in text

    def test_a_custom_lambda_that_is_missing_now_is_listed(self) -> None:
        assert "custom_lambda: set → not set" in mismatch(scheduler_of(custom_lambda=abs), scheduler_of())

    def test_a_custom_lambda_that_is_new_is_listed(self) -> None:
        assert "custom_lambda: not set → set" in mismatch(scheduler_of(), scheduler_of(custom_lambda=abs))

    @pytest.mark.parametrize(
        ("old", "new", "line"),
        [
            ({"head": {"T_0": 7}}, {"head": {"T_0": 8}}, "group head, T_0: 7 → 8"),
            ({"head": {"T_0": 7}}, None, "group head, T_0: 7 → not set"),
            (None, {"head": {"T_0": 7}}, "group head, T_0: not set → 7"),
            ({"head": {"gamma": 0.5}}, {"trunk": {"gamma": 0.5}}, "group head, gamma: 0.5 → not set"),
            ({"head": {"custom_lambda": abs}}, {}, "group head, custom_lambda: True → not set"),
        ],
    )
    def test_another_schedule_of_a_group_is_listed(self, old: Any, new: Any, line: str) -> None:
        saved, current = scheduler_of(group_overrides=old), scheduler_of(group_overrides=new)
        assert line in mismatch(saved, current)

    def test_the_same_configuration_gives_no_warning(self) -> None:
        saved = stepped(scheduler_of(group_overrides=OVERRIDES, custom_lambda=abs), 40)
        current = scheduler_of(group_overrides=OVERRIDES, custom_lambda=lambda _: 1.0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            current.load_state_dict(saved.state_dict())
        assert caught == []

    def test_the_warning_points_at_the_callers_line(self) -> None:
        with pytest.warns(ScheduleMismatchWarning) as caught:
            scheduler_of(gamma=0.5).load_state_dict(scheduler_of().state_dict())
        assert caught[0].filename == __file__

    @pytest.mark.parametrize("steps", STEPS)
    def test_the_current_configuration_goes_on(self, steps: int) -> None:
        saved = stepped(scheduler_of(), steps, 100)
        current = scheduler_of(gamma=0.5, eta_scal_max=1.0, base_batch_size=32)
        mismatch(saved, current)
        assert current.parameters.gamma == 0.5
        assert current.positions == saved.positions
        assert lrs_of(stepped(current, 1)) != lrs_of(stepped(saved, 1))

    def test_the_lrs_are_those_of_the_restored_step_under_the_current_configuration(self) -> None:
        current = scheduler_of(gamma=0.5, eta_scal_max=1.0)
        mismatch(stepped(scheduler_of(), 40), current)
        scale = 0.5 * (1 + math.cos(math.pi * 10 / 40)) * 0.5
        assert lrs_of(current) == [learning_rate(base, 0.2, 1.0, scale) for base in (0.1, 0.3)]

    def test_a_group_that_was_not_saved_is_scheduled_like_the_others(self) -> None:
        current = LRScheduler(
            optimizer_of(
                {"lr": 0.1, "name": "trunk"}, {"lr": 0.3, "name": "head"}, {"lr": 0.1, "name": "new"}
            ),
            **SMALL,
        )
        mismatch(stepped(scheduler_of(), 40), current)
        assert lrs_of(current)[2] == lrs_of(current)[0] != 0.1

    def test_a_groups_own_schedule_that_was_not_saved_starts_where_its_step_is(self) -> None:
        saved = stepped(LRScheduler(optimizer_of({"lr": 0.1, "name": "trunk"}), **SMALL), 40)
        current = scheduler_of(group_overrides=OVERRIDES)
        mismatch(saved, current)
        assert current.positions[1] == stepped(scheduler_of(group_overrides=OVERRIDES), 40).positions[1]


class TestStrictLoading:
    @pytest.mark.parametrize(("name", "old", "new"), HYPERPARAMETERS)
    def test_another_hyperparameter_is_an_error(self, name: str, old: Any, new: Any) -> None:
        with pytest.raises(ScheduleMismatchError, match=f"{name}: {old} → {new}"):
            scheduler_of(**{name: new}).load_state_dict(scheduler_of(**{name: old}).state_dict(), strict=True)

    def test_a_mismatch_changes_nothing(self) -> None:
        scheduler = stepped(scheduler_of(group_overrides=OVERRIDES), 13, 31)
        before = shown(scheduler)
        with pytest.raises(ScheduleMismatchError):
            scheduler.load_state_dict(stepped(scheduler_of(), 40).state_dict(), strict=True)
        assert shown(scheduler) == before

    def test_a_mismatch_with_a_group_added_later_changes_nothing(self) -> None:
        scheduler = stepped(scheduler_of(), 13)
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7})
        before = shown(scheduler)
        with pytest.raises(ScheduleMismatchError):
            scheduler.load_state_dict(stepped(scheduler_of(), 40).state_dict(), strict=True)
        assert shown(scheduler) == before

    def test_the_same_configuration_is_no_error(self) -> None:
        saved = stepped(scheduler_of(group_overrides=OVERRIDES), 40)
        fresh = scheduler_of(group_overrides=OVERRIDES)
        fresh.load_state_dict(saved.state_dict(), strict=True)
        assert shown(fresh) == shown(saved)


def changed(**fields: Any) -> dict[str, Any]:
    return {**stepped(scheduler_of(), 40).state_dict(), **fields}


def without(field: str) -> dict[str, Any]:
    return {key: value for key, value in changed().items() if key != field}


def with_group(**fields: Any) -> dict[str, Any]:
    state = changed()
    state["groups"][1] |= fields
    return state


NO_WHOLE_NUMBERS: list[Any] = [None, "40", "x", 1.5, [40], {}, True, math.nan, math.inf, -1]
NO_NUMBERS: list[Any] = ["1.0", "x", [1.0], {}, True, math.nan]
BAD_STATES: dict[str, Any] = {
    "empty": {},
    "none": None,
    "a list": [1, 2],
    "a list of names": ["global_step", "T_i"],
    "a number": 3,
    "text": "state",
    "of another scheduler": {"last_epoch": 3, "_step_count": 4, "base_lrs": [0.1]},
    "of the optimizer": two_groups().state_dict(),
    **{f"without {field}": without(field) for field in BARE},
    **{f"bare without {field}": {k: v for k, v in BARE.items() if k != field} for field in BARE},
    **{f"{field} {value!r}": changed(**{field: value}) for field in BARE for value in NO_WHOLE_NUMBERS},
    "a cycle of no steps": changed(T_i=0),
    **{f"lr_scale {value!r}": changed(lr_scale=value) for value in NO_NUMBERS},
    **{f"batch_size {value!r}": changed(batch_size=value) for value in NO_NUMBERS},
    "bare with lr_scale text": {**BARE, "lr_scale": "1.0"},
    "bare with lr_scale nan": {**BARE, "lr_scale": math.nan},
    **{f"without {field}": without(field) for field in ("lr_scale", "groups", "hyperparameters")},
    "groups text": changed(groups="trunk"),
    "groups of text": changed(groups=["trunk", "head"]),
    "hyperparameters a list": changed(hyperparameters=["gamma"]),
    "custom_lambda text": changed(custom_lambda="x"),
    **{f"group {field} text": with_group(**{field: "x"}) for field in ("T_cur", "T_i", "cycle", "base_lr")},
    **{f"group {field} None": with_group(**{field: None}) for field in ("T_cur", "T_i", "cycle", "base_lr")},
    "group lr_scale text": with_group(lr_scale="x"),
    "group overrides a list": with_group(overrides=["T_0"]),
    "a newer format": changed(format_version=2),
    "a far newer format": changed(format_version=10**6),
    "a format that is no number": changed(format_version="x"),
    "a format of none": changed(format_version=None),
}


class TestABadState:
    @pytest.mark.parametrize("state", BAD_STATES.values(), ids=BAD_STATES.keys())
    @pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
    def test_a_bad_state_is_an_error_and_changes_nothing(self, state: Any, *, strict: bool) -> None:
        scheduler = stepped(scheduler_of(group_overrides=OVERRIDES), 13, 31)
        before = shown(scheduler)
        with pytest.raises(StateError):
            scheduler.load_state_dict(state, strict=strict)
        assert shown(scheduler) == before

    def test_every_bad_field_is_named(self) -> None:
        with pytest.raises(StateError, match=r"cycle is missing") as caught:
            scheduler_of().load_state_dict({"global_step": "x", "T_i": 0, "T_cur": 1})
        assert all(field in str(caught.value) for field in ("global_step", "T_i"))

    def test_a_bad_state_is_not_changed(self) -> None:
        state = changed(T_cur="x")
        before = copy.deepcopy(state)
        with pytest.raises(StateError):
            scheduler_of().load_state_dict(state)
        assert state == before

    def test_a_newer_format_says_that_it_is_newer(self) -> None:
        with pytest.raises(StateError, match="format 2, written by a newer version"):
            scheduler_of().load_state_dict(changed(format_version=2))

    def test_a_custom_lambda_that_fails_at_the_restored_step_changes_nothing(self) -> None:
        def custom(step: int) -> float:
            if step == 40:
                raise RuntimeError("boom")
            return 0.5

        scheduler = stepped(scheduler_of(custom_lambda=custom), 13)
        before = shown(scheduler)
        with pytest.raises(CustomLambdaError, match="step 40"):
            scheduler.load_state_dict(stepped(scheduler_of(custom_lambda=lambda _: 0.5), 40).state_dict())
        assert shown(scheduler) == before

    def test_a_mismatch_that_a_filter_turns_into_an_error_changes_nothing(self) -> None:
        scheduler = stepped(scheduler_of(), 13)
        before = shown(scheduler)
        with pytest.raises(ScheduleMismatchWarning):
            scheduler.load_state_dict(scheduler_of(gamma=0.5).state_dict())
        assert shown(scheduler) == before
