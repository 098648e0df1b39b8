"""``LRScheduler`` for those who train with it: its torch manners, its groups, its checks, its look ahead."""

from __future__ import annotations

import copy
import inspect
import json
import math
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrsched_cli import CustomLambdaError, LRScheduler
from lrsched_cli.core.factors import learning_rate, multiplier
from lrsched_cli.core.law import Factors, Position
from lrsched_cli.core.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


Overrides = dict[str | int, dict[str, Any]]


def parameter(*shape: int) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.zeros(shape))


def optimizer_of(*groups: Mapping[str, Any]) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [parameter(2)], **group} for group in groups], lr=0.1)


def two_groups() -> torch.optim.Optimizer:
    return optimizer_of({"lr": 0.1, "name": "trunk"}, {"lr": 0.3, "name": "head"})


def lrs_of(optimizer: torch.optim.Optimizer) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


def stepped(scheduler: LRScheduler, steps: int, batch_size: float | None = None) -> LRScheduler:
    for _ in range(steps):
        scheduler.step(batch_size)
    return scheduler


def everything(scheduler: LRScheduler) -> dict[str, Any]:
    """All that a scheduler and its optimizer show, and which objects hold it."""
    optimizer = scheduler.optimizer
    groups = [{key: value for key, value in one.items() if key != "params"} for one in optimizer.param_groups]
    return {
        "state": copy.deepcopy(scheduler.state_dict()),
        "factors": scheduler.factors,
        "scales": scheduler.scales,
        "positions": scheduler.positions,
        "last lr": scheduler.get_last_lr(),
        "base lrs": list(scheduler.base_lrs),
        "last epoch": scheduler.last_epoch,
        "step count": scheduler._step_count,
        "optimizer state": copy.deepcopy(optimizer.state_dict()),
        "groups": copy.deepcopy(groups),
        "objects": [(id(optimizer), id(one), id(one["params"])) for one in optimizer.param_groups],
        "tensors": [id(one["lr"]) for one in optimizer.param_groups if isinstance(one["lr"], torch.Tensor)],
    }


class TestTorchsManners:
    def test_it_is_one_of_torchs_schedulers(self) -> None:
        assert isinstance(LRScheduler(two_groups()), torch.optim.lr_scheduler.LRScheduler)

    def test_it_holds_the_optimizer_that_it_was_given(self) -> None:
        optimizer = two_groups()
        assert LRScheduler(optimizer).optimizer is optimizer

    def test_construction_changes_no_lr(self) -> None:
        optimizer = two_groups()
        LRScheduler(optimizer)
        assert lrs_of(optimizer) == [0.1, 0.3]

    def test_the_last_lrs_before_the_first_step_are_the_base_lrs(self) -> None:
        assert LRScheduler(two_groups()).get_last_lr() == [0.1, 0.3]

    def test_the_last_lrs_are_those_in_the_optimizer(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 7)
        assert scheduler.get_last_lr() == lrs_of(scheduler.optimizer)

    def test_changing_the_list_of_last_lrs_changes_nothing(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 7)
        scheduler.get_last_lr().clear()
        assert scheduler.get_last_lr() == lrs_of(scheduler.optimizer)

    def test_asking_for_the_lr_takes_no_step(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 7)
        assert scheduler.get_lr() == scheduler.get_last_lr()
        assert scheduler.last_epoch == 7

    @pytest.mark.parametrize("steps", [0, 1, 150])
    def test_the_last_epoch_is_the_number_of_steps(self, steps: int) -> None:
        scheduler = stepped(LRScheduler(two_groups()), steps)
        assert (scheduler.last_epoch, scheduler.global_step) == (steps, steps)

    def test_the_base_lrs_stay_what_they_were(self) -> None:
        assert stepped(LRScheduler(two_groups()), 150).base_lrs == [0.1, 0.3]

    def test_stepping_writes_the_lr_into_the_optimizers_groups(self) -> None:
        scheduler = stepped(LRScheduler(two_groups(), warmup_steps=10), 10)
        assert lrs_of(scheduler.optimizer) == pytest.approx([0.2, 0.6])

    def test_something_else_than_an_optimizer_is_a_type_error(self) -> None:
        with pytest.raises(TypeError, match=r"must be a torch\.optim\.Optimizer"):
            LRScheduler([parameter(2)])  # type: ignore[arg-type]

    def test_a_copy_goes_its_own_way(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 50)
        before = everything(scheduler)
        stepped(copy.deepcopy(scheduler), 100)
        assert everything(scheduler) == before

    def test_training_with_it_gives_no_warning(self) -> None:
        optimizer = optimizer_of({"lr": 0.1})
        scheduler = LRScheduler(optimizer)
        for _ in range(3):
            optimizer.step()
            scheduler.step()
        assert scheduler.last_epoch == 3

    def test_stepping_it_before_the_optimizer_gives_no_warning(self) -> None:
        optimizer = optimizer_of({"lr": 0.1})
        scheduler = LRScheduler(optimizer)
        for _ in range(3):
            scheduler.step()
            optimizer.step()
        assert scheduler.last_epoch == 3


class TestBaseLRs:
    def test_a_group_without_an_initial_lr_is_given_its_lr_as_one(self) -> None:
        optimizer = two_groups()
        LRScheduler(optimizer)
        assert [group["initial_lr"] for group in optimizer.param_groups] == [0.1, 0.3]

    def test_a_groups_initial_lr_is_its_base_lr(self) -> None:
        optimizer = optimizer_of({"lr": 0.1, "initial_lr": 0.5})
        assert LRScheduler(optimizer).base_lrs == [0.5]
        assert lrs_of(optimizer) == [0.1]

    def test_a_scheduler_built_after_the_optimizers_state_was_loaded_knows_the_base_lrs(self) -> None:
        used = stepped(LRScheduler(two_groups()), 90).optimizer
        fresh = two_groups()
        fresh.load_state_dict(used.state_dict())
        assert lrs_of(fresh) != [0.1, 0.3]
        assert LRScheduler(fresh).base_lrs == [0.1, 0.3]

    def test_a_second_scheduler_over_the_same_optimizer_starts_from_the_same_base_lrs(self) -> None:
        optimizer = two_groups()
        stepped(LRScheduler(optimizer), 90)
        assert LRScheduler(optimizer).base_lrs == [0.1, 0.3]

    def test_loading_the_optimizers_state_later_is_no_hindrance(self) -> None:
        saved = copy.deepcopy(stepped(LRScheduler(two_groups()), 20).optimizer.state_dict())
        optimizer = two_groups()
        scheduler = stepped(LRScheduler(optimizer), 5)
        optimizer.load_state_dict(saved)
        scheduler.step()
        assert lrs_of(optimizer) == stepped(LRScheduler(two_groups()), 6).get_last_lr()


class TestTensorLRs:
    def test_a_tensor_lr_stays_that_tensor(self) -> None:
        lr = torch.tensor(1e-3)
        optimizer = optimizer_of({"lr": lr})
        stepped(LRScheduler(optimizer), 50)
        assert optimizer.param_groups[0]["lr"] is lr

    def test_a_tensor_lr_is_filled_with_the_laws_lr(self) -> None:
        lr = torch.tensor(0.5, dtype=torch.float64)
        with_float = LRScheduler(optimizer_of({"lr": 0.5}), warmup_steps=0, T_0=10)
        stepped(LRScheduler(optimizer_of({"lr": lr}), warmup_steps=0, T_0=10), 5)
        assert [lr.item()] == stepped(with_float, 5).get_last_lr()

    def test_a_tensor_lrs_base_lr_does_not_move_with_it(self) -> None:
        scheduler = stepped(LRScheduler(optimizer_of({"lr": torch.tensor(0.5)})), 50)
        assert scheduler.base_lrs == [0.5]
        assert float(scheduler.optimizer.param_groups[0]["initial_lr"]) == 0.5

    def test_a_tensor_lrs_last_lr_does_not_move_with_later_steps(self) -> None:
        scheduler = stepped(LRScheduler(optimizer_of({"lr": torch.tensor(0.5)})), 50)
        last = scheduler.get_last_lr()[0]
        before = float(last)
        stepped(scheduler, 40)
        assert float(last) == before

    def test_construction_leaves_a_tensor_lr_alone(self) -> None:
        lr = torch.tensor(0.5)
        LRScheduler(optimizer_of({"lr": lr}))
        assert lr.item() == 0.5

    def test_loading_a_state_keeps_the_tensor(self) -> None:
        state = stepped(LRScheduler(optimizer_of({"lr": torch.tensor(0.5)})), 50).state_dict()
        lr = torch.tensor(0.5)
        scheduler = LRScheduler(optimizer_of({"lr": lr}))
        scheduler.load_state_dict(state)
        assert scheduler.optimizer.param_groups[0]["lr"] is lr
        assert lr.item() != 0.5


class TestGroupsAddedLater:
    def test_a_group_added_later_stands_at_its_own_lr_until_the_next_step(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 5)
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7})
        assert lrs_of(scheduler.optimizer)[2] == 0.7

    def test_a_group_added_later_is_scheduled_from_the_next_step(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 5)
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7})
        scheduler.step()
        expected = learning_rate(0.7, 0.2, 2.0, scheduler.lr_scale)
        assert (lrs_of(scheduler.optimizer)[2], scheduler.get_last_lr()[2]) == (expected, expected)

    def test_a_group_added_later_has_its_lr_as_its_base_lr(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 5)
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7})
        scheduler.step()
        assert scheduler.base_lrs == [0.1, 0.3, 0.7]
        assert scheduler.optimizer.param_groups[2]["initial_lr"] == 0.7

    def test_a_group_added_later_has_no_factors_before_the_next_step(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 5)
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7})
        assert scheduler.factors[2:] == [None]

    def test_a_group_added_later_has_the_multiplier_one_before_the_next_step(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 5)
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7})
        assert scheduler.scales[2:] == [1.0]

    def test_a_group_added_later_stands_where_all_groups_do(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 150)
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7})
        assert scheduler.positions == [Position(50, 200, 0)] * 3

    def test_a_group_added_later_follows_the_schedule_of_all_groups(self) -> None:
        scheduler = LRScheduler(two_groups(), group_overrides={"head": {"T_0": 7}})
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.1})
        stepped(scheduler, 150)
        lrs = lrs_of(scheduler.optimizer)
        assert lrs[2] == lrs[0]

    def test_a_group_taken_away_is_an_error_before_anything_changes(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 5)
        scheduler.optimizer.param_groups.pop()
        before = (lrs_of(scheduler.optimizer), scheduler.last_epoch)
        with pytest.raises(ValueError, match="1 param groups, 2 were scheduled"):
            scheduler.step()
        assert (lrs_of(scheduler.optimizer), scheduler.last_epoch) == before


WHOLE_FROM_0 = "a whole number(, 0 or more| from 0 to)"
WHOLE_FROM_1 = "a whole number(, 1 or more| from 1 to)"
REAL_FROM_0, SHARE, ABOVE_0 = "a number, 0 or more", "a number from 0 to 1", "a number above 0"
RANGES: dict[str, tuple[str, list[Any]]] = {
    "warmup_steps": (WHOLE_FROM_0, [-1, 1.5, 10.0, "10", True, None, math.nan, 2**60]),
    "warmup_scale_min": (SHARE, [-0.01, 1.01, "0.1", True, None, math.nan, math.inf]),
    "warmup_type": ("linear or cosine", ["exponential", "Linear", "", 1, None, True]),
    "T_0": (WHOLE_FROM_1, [0, -5, 1.5, 10.0, "10", True, None, math.inf, 2**60]),
    "T_mult": (WHOLE_FROM_1, [0, -1, 1.5, 2.0, "2", True, None, 2**60]),
    "eta_scal_min": (REAL_FROM_0, [-0.1, "0.1", True, None, math.nan, math.inf, -math.inf]),
    "eta_scal_max": (REAL_FROM_0, [-0.1, "0.1", True, None, math.nan, math.inf]),
    "gamma": (ABOVE_0, [0, 0.0, -0.5, "0.9", True, None, math.nan, math.inf, 10**400]),
    "base_batch_size": (WHOLE_FROM_1, [0, -64, 64.0, "64", True, None, 2**60]),
    "batch_size_mode": ("linear or sqrt or blend", ["cube", "SQRT", "", 2, None]),
}
TABLE = [
    pytest.param(name, wanted, value, id=f"{name}-{value!r:.20}")
    for name, (wanted, values) in RANGES.items()
    for value in values
]
LEGAL: dict[str, list[Any]] = {
    "warmup_steps": [0, 1, 2**53, np.int64(5)],
    "warmup_scale_min": [0, 0.0, 1, 1.0, np.float32(0.5)],
    "warmup_type": ["linear", "cosine"],
    "T_0": [1, 2**53],
    "T_mult": [1, 2**53],
    "eta_scal_min": [0, 0.0, 5.0],
    "eta_scal_max": [0, 0.0, 1e6],
    "gamma": [1e-300, 1, 1.5],
    "base_batch_size": [1, 2**53],
    "batch_size_mode": ["linear", "sqrt", "blend"],
}


class TestParameters:
    def test_the_table_of_ranges_has_every_parameter(self) -> None:
        assert set(RANGES) == set(LEGAL) == set(Parameters.model_fields)

    @pytest.mark.parametrize(("name", "wanted", "value"), TABLE)
    def test_a_value_out_of_range_is_told_with_parameter_value_and_range(
        self, name: str, wanted: str, value: Any
    ) -> None:
        with pytest.raises(ValueError, match=f"^{name} must be {wanted}") as caught:
            LRScheduler(two_groups(), **{name: value})
        ways = {json.dumps(value)[:40], repr(value)[:40]}
        assert any(f"(got {shown}" in str(caught.value) for shown in ways)

    @pytest.mark.parametrize(("name", "wanted", "value"), TABLE)
    def test_a_value_out_of_range_leaves_the_optimizer_alone(
        self, name: str, wanted: str, value: Any
    ) -> None:
        optimizer = two_groups()
        with pytest.raises(ValueError, match=wanted):
            LRScheduler(optimizer, **{name: value})
        assert lrs_of(optimizer) == [0.1, 0.3]
        assert not any("initial_lr" in group for group in optimizer.param_groups)

    @pytest.mark.parametrize(
        ("name", "value"), [(name, value) for name, values in LEGAL.items() for value in values]
    )
    def test_a_value_at_the_edge_of_its_range_is_taken(self, name: str, value: Any) -> None:
        scheduler = LRScheduler(two_groups(), **{name: value})
        assert getattr(scheduler.parameters, name) == value

    def test_every_parameter_that_is_out_of_range_is_told_at_once(self) -> None:
        with pytest.raises(ValueError, match=r"T_0 must be .*; gamma must be "):
            LRScheduler(two_groups(), T_0=0, gamma=-1)

    @pytest.mark.parametrize("value", ["step", 0.5, 1, True, [1]])
    def test_a_custom_lambda_that_cannot_be_called_is_a_value_error(self, value: Any) -> None:
        with pytest.raises(ValueError, match="custom_lambda must be callable or None"):
            LRScheduler(two_groups(), custom_lambda=value)

    def test_an_inverted_schedule_is_legal(self) -> None:
        scheduler = stepped(LRScheduler(two_groups(), warmup_steps=10, eta_scal_min=3, eta_scal_max=1), 10)
        assert lrs_of(scheduler.optimizer) == pytest.approx([0.1, 0.3])

    def test_growing_peaks_are_legal(self) -> None:
        scheduler = stepped(LRScheduler(two_groups(), warmup_steps=0, T_0=2, gamma=1.5), 2)
        assert scheduler.lr_scale == 1.5

    def test_the_signature_has_the_parameters_in_their_order(self) -> None:
        names = list(inspect.signature(LRScheduler).parameters)
        assert names == ["optimizer", *Parameters.model_fields, "custom_lambda", "group_overrides"]

    def test_the_signatures_defaults_are_the_parameters_defaults(self) -> None:
        signature = inspect.signature(LRScheduler).parameters
        defaults = {name: signature[name].default for name in Parameters.model_fields}
        assert defaults == Parameters().model_dump()

    def test_the_defaults_are_those_that_are_documented(self) -> None:
        assert LRScheduler(two_groups()).parameters.model_dump() == {
            "warmup_steps": 100,
            "warmup_scale_min": 0.05,
            "warmup_type": "linear",
            "T_0": 200,
            "T_mult": 2,
            "eta_scal_min": 0.2,
            "eta_scal_max": 2.0,
            "gamma": 0.97,
            "base_batch_size": 64,
            "batch_size_mode": "sqrt",
        }


class TestGroupOverrides:
    @pytest.mark.parametrize("key", ["head", 1])
    def test_a_group_goes_by_its_name_or_its_index(self, key: str | int) -> None:
        scheduler = stepped(LRScheduler(two_groups(), group_overrides={key: {"T_0": 7}}), 105)
        assert scheduler.positions == [Position(5, 200, 0), Position(5, 7, 0)]

    def test_a_groups_own_schedule_has_its_own_position(self) -> None:
        overrides: Overrides = {"head": {"warmup_steps": 0, "T_0": 10, "T_mult": 1}}
        scheduler = stepped(LRScheduler(two_groups(), group_overrides=overrides), 105)
        assert scheduler.positions == [Position(5, 200, 0), Position(5, 10, 10)]

    def test_the_other_groups_go_on_as_without_it(self) -> None:
        alone = stepped(LRScheduler(two_groups()), 140)
        beside = stepped(LRScheduler(two_groups(), group_overrides={"head": {"gamma": 0.5, "T_0": 3}}), 140)
        assert lrs_of(beside.optimizer)[0] == lrs_of(alone.optimizer)[0]

    def test_what_an_override_leaves_out_is_that_of_all_groups(self) -> None:
        own = stepped(LRScheduler(two_groups(), T_0=9, group_overrides={"head": {"gamma": 0.5}}), 140)
        whole = stepped(LRScheduler(two_groups(), T_0=9, gamma=0.5), 140)
        assert lrs_of(own.optimizer)[1] == lrs_of(whole.optimizer)[1]

    def test_an_override_has_its_own_custom_lambda(self) -> None:
        overrides: Overrides = {"head": {"custom_lambda": lambda _: 0.25}}
        scheduler = LRScheduler(two_groups(), custom_lambda=lambda _: 0.5, group_overrides=overrides)
        assert [factors.custom for factors in stepped(scheduler, 1).factors if factors] == [0.5, 0.25]

    def test_an_override_inherits_the_custom_lambda(self) -> None:
        overrides: Overrides = {"head": {"T_0": 3}}
        scheduler = LRScheduler(two_groups(), custom_lambda=lambda _: 0.5, group_overrides=overrides)
        assert [factors.custom for factors in stepped(scheduler, 1).factors if factors] == [0.5, 0.5]

    def test_an_override_can_take_the_custom_lambda_away(self) -> None:
        overrides: Overrides = {"head": {"custom_lambda": None}}
        scheduler = LRScheduler(two_groups(), custom_lambda=lambda _: 0.5, group_overrides=overrides)
        assert [factors.custom for factors in stepped(scheduler, 1).factors if factors] == [0.5, 1.0]

    def test_the_mapping_that_is_given_is_not_changed_and_not_kept(self) -> None:
        own: dict[str, Any] = {"T_0": 7, "custom_lambda": None}
        overrides: Overrides = {"head": own}
        scheduler = LRScheduler(two_groups(), group_overrides=overrides)
        assert overrides == {"head": {"T_0": 7, "custom_lambda": None}}
        state = scheduler.state_dict()
        own["T_0"] = 1
        assert scheduler.state_dict() == state

    @pytest.mark.parametrize("key", ["heads", "", "0", 2, -1, 1.0, True, None])
    def test_a_group_that_is_not_there_is_a_value_error(self, key: Any) -> None:
        with pytest.raises(ValueError, match=re.escape(f"has no param group {key!r}")):
            LRScheduler(two_groups(), group_overrides={key: {}})

    def test_a_group_that_is_not_there_is_told_with_the_nearest_that_is(self) -> None:
        with pytest.raises(ValueError, match="did you mean head"):
            LRScheduler(two_groups(), group_overrides={"heda": {}})

    def test_a_group_given_by_name_and_by_index_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="twice"):
            LRScheduler(two_groups(), group_overrides={"head": {"T_0": 7}, 1: {"T_0": 8}})

    def test_a_name_of_two_groups_is_a_value_error(self) -> None:
        optimizer = optimizer_of({"name": "same"}, {"name": "same"})
        with pytest.raises(ValueError, match="2 param groups are named 'same'; use an index"):
            LRScheduler(optimizer, group_overrides={"same": {}})

    def test_groups_of_one_name_can_be_told_apart_by_their_index(self) -> None:
        optimizer = optimizer_of({"name": "same"}, {"name": "same"})
        scheduler = LRScheduler(optimizer, group_overrides={1: {"T_0": 7}})
        assert [position.T_i for position in scheduler.positions] == [200, 7]

    @pytest.mark.parametrize(("name", "wanted", "value"), TABLE)
    def test_an_override_out_of_range_is_told_with_its_group(
        self, name: str, wanted: str, value: Any
    ) -> None:
        with pytest.raises(ValueError, match=rf"group_overrides\['head'\]: {name} must be {wanted}"):
            LRScheduler(two_groups(), group_overrides={"head": {name: value}})

    @pytest.mark.parametrize("key", ["gama", "optimizer", "group_overrides", "lr", "type"])
    def test_an_override_of_something_else_is_a_value_error(self, key: str) -> None:
        with pytest.raises(ValueError, match=rf"group_overrides\['head'\]: {key} is no known key"):
            LRScheduler(two_groups(), group_overrides={"head": {key: 1}})

    @pytest.mark.parametrize("overrides", [{"head": 5}, {"head": None}, {"head": [1]}, ["head"], 5, "head"])
    def test_overrides_of_a_wrong_kind_are_told_as_such(self, overrides: Any) -> None:
        with pytest.raises((TypeError, ValueError), match="group_overrides"):
            LRScheduler(two_groups(), group_overrides=overrides)

    def test_overrides_that_say_nothing_change_no_lr(self) -> None:
        plain = stepped(LRScheduler(two_groups()), 140).get_last_lr()
        empty: Overrides = {"head": {}, 0: {}}
        assert stepped(LRScheduler(two_groups(), group_overrides=empty), 140).get_last_lr() == plain


def failing_at(step: int, outcome: Any) -> Callable[[int], float]:
    def custom(t: int) -> Any:
        if t != step:
            return 0.5
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return custom


OUTCOMES = [ZeroDivisionError("boom"), KeyError(), math.nan, math.inf, None, "0.5", [0.5], 10**400]
OUTCOME_IDS = ["raises", "raises without text", "nan", "inf", "none", "text", "list", "too large"]


class TestAStepThatFails:
    @pytest.mark.parametrize("outcome", OUTCOMES, ids=OUTCOME_IDS)
    def test_a_custom_lambda_that_fails_is_an_error_with_its_step(self, outcome: Any) -> None:
        scheduler = stepped(LRScheduler(two_groups(), custom_lambda=failing_at(8, outcome)), 7)
        with pytest.raises(CustomLambdaError, match="step 8") as caught:
            scheduler.step()
        assert (caught.value.step, caught.value.group) == (8, None)

    @pytest.mark.parametrize("outcome", OUTCOMES[:3], ids=OUTCOME_IDS[:3])
    def test_a_custom_lambda_that_fails_leaves_everything_as_it_was(self, outcome: Any) -> None:
        scheduler = stepped(LRScheduler(two_groups(), custom_lambda=failing_at(8, outcome)), 7)
        before = everything(scheduler)
        with pytest.raises(CustomLambdaError):
            scheduler.step(256)
        assert everything(scheduler) == before

    def test_a_groups_own_custom_lambda_that_fails_is_told_with_the_group(self) -> None:
        overrides: Overrides = {"head": {"custom_lambda": failing_at(3, math.nan)}}
        scheduler = stepped(LRScheduler(two_groups(), group_overrides=overrides), 2)
        with pytest.raises(CustomLambdaError) as caught:
            scheduler.step()
        assert caught.value.group == "head"

    def test_a_groups_own_custom_lambda_that_fails_leaves_everything_as_it_was(self) -> None:
        overrides: Overrides = {"head": {"custom_lambda": failing_at(3, math.nan)}}
        scheduler = LRScheduler(two_groups(), custom_lambda=lambda t: 1 / t, group_overrides=overrides)
        stepped(scheduler, 2)
        before = everything(scheduler)
        with pytest.raises(CustomLambdaError):
            scheduler.step()
        assert everything(scheduler) == before

    def test_a_failed_step_leaves_a_group_added_later_as_it_was(self) -> None:
        scheduler = stepped(LRScheduler(two_groups(), custom_lambda=failing_at(3, math.nan)), 2)
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7})
        before = everything(scheduler)
        with pytest.raises(CustomLambdaError):
            scheduler.step()
        assert everything(scheduler) == before

    def test_a_failed_step_can_be_taken_again(self) -> None:
        failures = [RuntimeError("once")]

        def custom(_: int) -> float:
            if failures:
                raise failures.pop()
            return 0.5

        scheduler = LRScheduler(two_groups(), custom_lambda=custom)
        with pytest.raises(CustomLambdaError):
            scheduler.step()
        scheduler.step()
        expected = stepped(LRScheduler(two_groups(), custom_lambda=lambda _: 0.5), 1)
        assert everything(scheduler)["state"] == everything(expected)["state"]

    @pytest.mark.parametrize(
        "size",
        [math.nan, math.inf, -math.inf, "64", [64], 1j, True, 10**400],
        ids=lambda size: f"{size!r:.20}",
    )
    def test_a_batch_size_that_is_no_finite_number_is_a_value_error(self, size: Any) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 7, batch_size=32)
        before = everything(scheduler)
        with pytest.raises(ValueError, match="batch_size must be a finite number or None"):
            scheduler.step(size)
        assert everything(scheduler) == before


class TestBatchSizes:
    def test_a_step_without_a_batch_size_has_the_batch_factor_one(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 1, batch_size=256)
        scheduler.step()
        assert [factors.batch for factors in scheduler.factors if factors] == [1.0, 1.0]

    @pytest.mark.parametrize("size", [0, -7, 0.5])
    def test_a_batch_size_below_one_counts_as_one(self, size: float) -> None:
        assert (
            stepped(LRScheduler(two_groups()), 3, size).get_last_lr()
            == stepped(LRScheduler(two_groups()), 3, 1).get_last_lr()
        )

    @pytest.mark.parametrize("mode", ["linear", "sqrt", "blend"])
    @pytest.mark.parametrize("kind", [np.int64, np.int32, np.float64, np.float32, float])
    def test_a_number_of_another_library_gives_the_bits_of_a_plain_one(self, kind: Any, mode: Any) -> None:
        ours = stepped(LRScheduler(two_groups(), batch_size_mode=mode), 3, kind(100))
        plain = stepped(LRScheduler(two_groups(), batch_size_mode=mode), 3, 100)
        assert ours.get_last_lr() == plain.get_last_lr()
        assert {type(lr) for lr in ours.get_last_lr()} == {float}


class TestFactors:
    def test_before_the_first_step_there_are_none(self) -> None:
        assert LRScheduler(two_groups()).factors == [None, None]

    def test_before_the_first_step_the_multiplier_is_one(self) -> None:
        scheduler = LRScheduler(two_groups())
        assert (scheduler.lr_scale, scheduler.scales) == (1.0, [1.0, 1.0])

    def test_they_are_those_of_the_last_step(self) -> None:
        scheduler = LRScheduler(two_groups(), warmup_steps=0, T_0=2, gamma=0.5, custom_lambda=lambda _: 0.125)
        assert stepped(scheduler, 2, 256).factors == [Factors(2.0, 1.0, 1.0, 0.5, 0.125)] * 2

    @pytest.mark.parametrize("steps", [1, 50, 100, 101, 299, 300, 301, 555])
    def test_their_product_is_the_multiplier_and_gives_the_lr(self, steps: int) -> None:
        overrides: Overrides = {"head": {"warmup_steps": 10, "T_0": 33, "eta_scal_max": 1.7, "gamma": 0.9}}
        scheduler = LRScheduler(two_groups(), custom_lambda=lambda t: 1 / t, group_overrides=overrides)
        factors = [one for one in stepped(scheduler, steps, 100).factors if one]
        scales = [multiplier(*one) for one in factors]
        assert (scales, scales[0]) == (scheduler.scales, scheduler.lr_scale)
        ends = zip([0.1, 0.3], [2.0, 1.7], scales, strict=True)
        expected = [learning_rate(base, 0.2, top, scale) for base, top, scale in ends]
        assert lrs_of(scheduler.optimizer) == expected

    def test_they_are_plain_floats(self) -> None:
        half: Any = np.float32(0.5)
        scheduler = LRScheduler(two_groups(), custom_lambda=lambda _: half)
        kinds = {type(value) for one in stepped(scheduler, 1, 128).factors if one for value in one}
        assert kinds == {float}


class TestTheDetachedCopy:
    def test_it_stands_where_the_scheduler_stands(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 150, 100)
        twin = scheduler.detached_copy()
        assert (twin.factors, twin.positions, twin.get_last_lr()) == (
            scheduler.factors,
            scheduler.positions,
            scheduler.get_last_lr(),
        )

    def test_it_steps_as_the_scheduler_would(self) -> None:
        overrides: Overrides = {"head": {"T_0": 7}}
        scheduler = stepped(LRScheduler(two_groups(), group_overrides=overrides), 150)
        ahead = stepped(scheduler.detached_copy(), 333, 96).get_last_lr()
        assert ahead == stepped(scheduler, 333, 96).get_last_lr()

    def test_stepping_it_leaves_scheduler_and_optimizer_alone(self) -> None:
        scheduler = stepped(LRScheduler(two_groups(), group_overrides={"head": {"T_0": 7}}), 150)
        before = everything(scheduler)
        stepped(scheduler.detached_copy(), 333, 96)
        assert everything(scheduler) == before

    def test_stepping_it_leaves_a_tensor_lr_alone(self) -> None:
        lr = torch.tensor(0.5)
        scheduler = stepped(LRScheduler(optimizer_of({"lr": lr})), 150)
        before = lr.item()
        stepped(scheduler.detached_copy(), 33)
        assert lr.item() == before

    def test_stepping_it_leaves_a_group_added_later_alone(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 5)
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7})
        before = everything(scheduler)
        stepped(scheduler.detached_copy(), 5)
        assert everything(scheduler) == before


def x_values(figure: Figure) -> list[float]:
    """The x data of the first curve of the figure."""
    lines = [line for axes in figure.axes for line in axes.get_lines()]
    longest = max(lines, key=lambda line: len(np.asarray(line.get_xdata())))
    return [float(x) for x in np.asarray(longest.get_xdata())]


class TestPlot:
    @pytest.mark.parametrize("steps", [0, 1, 150])
    def test_the_x_axis_goes_from_the_current_step_to_the_last_one(self, steps: int) -> None:
        figure = stepped(LRScheduler(two_groups()), steps).plot(60)
        xs = x_values(figure)
        assert isinstance(figure, Figure)
        assert (xs[0], xs[-1]) == (steps, steps + 60)

    def test_the_first_curve_has_the_lrs_to_come(self) -> None:
        scheduler = stepped(LRScheduler(optimizer_of({"lr": 0.5})), 150)
        lines = [line for axes in scheduler.plot(60, batch_size=100).axes for line in axes.get_lines()]
        curves = [[float(y) for y in np.asarray(line.get_ydata())] for line in lines]
        expected = lrs_of(scheduler.optimizer)
        for _ in range(60):
            scheduler.step(100)
            expected += lrs_of(scheduler.optimizer)
        assert expected in curves

    @pytest.mark.parametrize("size", [None, 128])
    @pytest.mark.parametrize("steps", [0, 5, 150])
    def test_it_leaves_scheduler_and_optimizer_as_they_were(self, steps: int, size: int | None) -> None:
        optimizer = two_groups()
        optimizer.add_param_group({"params": [parameter(2)], "lr": torch.tensor(0.5), "name": "tail"})
        scheduler = stepped(LRScheduler(optimizer, group_overrides={"head": {"T_0": 7}}), steps, 96)
        before = everything(scheduler)
        scheduler.plot(300, batch_size=size)
        assert everything(scheduler) == before

    def test_it_leaves_them_as_they_were_where_drawing_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_args: object, **_named: object) -> None:
            raise RuntimeError("no ink")

        scheduler = stepped(LRScheduler(two_groups(), group_overrides={"head": {"T_0": 7}}), 20)
        before = everything(scheduler)
        monkeypatch.setattr(Axes, "plot", fail)
        with pytest.raises(RuntimeError, match="no ink"):
            scheduler.plot(60)
        assert everything(scheduler) == before

    def test_it_leaves_them_as_they_were_where_the_custom_lambda_fails_half_way(self) -> None:
        scheduler = stepped(LRScheduler(two_groups(), custom_lambda=failing_at(50, math.nan)), 20)
        before = everything(scheduler)
        with pytest.raises(CustomLambdaError, match="step 50"):
            scheduler.plot(60)
        assert everything(scheduler) == before

    def test_it_leaves_a_group_added_later_as_it_was(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 5)
        scheduler.optimizer.add_param_group({"params": [parameter(2)], "lr": 0.7})
        before = everything(scheduler)
        scheduler.plot(60)
        assert everything(scheduler) == before

    def test_training_goes_on_after_it_as_without_it(self) -> None:
        scheduler = stepped(LRScheduler(two_groups()), 150)
        scheduler.plot(60, batch_size=128)
        assert stepped(scheduler, 100).get_last_lr() == stepped(LRScheduler(two_groups()), 250).get_last_lr()

    def test_it_works_after_a_bare_state_was_loaded(self) -> None:
        scheduler = LRScheduler(two_groups())
        scheduler.load_state_dict({"global_step": 150, "T_i": 200, "T_cur": 50, "cycle": 0})
        assert x_values(scheduler.plot(60))[0] == 150

    @pytest.mark.parametrize("steps", [0, -1, 2.5, "60", None, True])
    def test_a_number_of_steps_that_cannot_be_drawn_is_a_value_error(self, steps: Any) -> None:
        with pytest.raises(ValueError, match="max_steps"):
            LRScheduler(two_groups()).plot(steps)

    def test_it_opens_no_window(self) -> None:
        LRScheduler(two_groups()).plot(60)
        pyplot = sys.modules.get("matplotlib.pyplot")
        assert pyplot is None or pyplot.get_fignums() == []


class TestShowingTheParamGroups:
    @pytest.fixture
    def shown(self, capsys: pytest.CaptureFixture[str]) -> str:
        model = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.Linear(3, 7))
        groups: list[dict[str, Any]] = [
            {"params": [*model[0].parameters()], "name": "trunk"},
            {"params": [*model[1].parameters(), parameter(11, 13)], "lr": 0.0875},
        ]
        groups[0] |= {"lr": 0.00125, "eps": 3e-7, "weight_decay": 0.0375}
        text = LRScheduler.visualize_optimizer_param_groups(model, torch.optim.Adam(groups))
        assert capsys.readouterr().out == text + "\n"
        return text

    def test_a_groups_name_is_shown(self, shown: str) -> None:
        assert "trunk" in shown

    @pytest.mark.parametrize("fact", [0.00125, 3e-7, 0.0375, 0.0875, 1e-8])
    def test_a_groups_lr_eps_and_weight_decay_are_shown(self, shown: str, fact: float) -> None:
        assert fact in [float(word) for word in re.findall(r"[\d.]+(?:e[-+]?\d+)?", shown)]

    @pytest.mark.parametrize(
        ("name", "sizes"), [("0.weight", "3.*5"), ("0.bias", "3"), ("1.weight", "7.*3"), ("1.bias", "7")]
    )
    def test_each_parameter_is_shown_with_its_shape(self, shown: str, name: str, sizes: str) -> None:
        assert re.search(rf"{re.escape(name)}.*{sizes}", shown)

    def test_a_parameter_that_the_model_does_not_name_is_marked_unnamed(self, shown: str) -> None:
        assert re.search(r"unnamed.*11.*13", shown)

    def test_each_group_is_shown_with_its_index(self, shown: str) -> None:
        assert re.search(r"^ *0 +trunk ", shown, re.MULTILINE)
        assert re.search(r"^ *1 ", shown, re.MULTILINE)

    def test_an_optimizer_without_eps_is_shown_too(self) -> None:
        model = torch.nn.Linear(5, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        assert "weight" in LRScheduler.visualize_optimizer_param_groups(model, optimizer)

    def test_showing_them_changes_nothing(self) -> None:
        model = torch.nn.Linear(5, 3)
        scheduler = stepped(LRScheduler(torch.optim.Adam(model.parameters())), 5)
        before = everything(scheduler)
        scheduler.visualize_optimizer_param_groups(model, scheduler.optimizer)
        assert everything(scheduler) == before
