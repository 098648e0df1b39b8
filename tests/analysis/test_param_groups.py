"""What is told of an optimizer's param groups."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lrsched_cli import LRScheduler
from lrsched_cli.analysis.param_groups import ParameterInfo, ParamGroupInfo, describe_param_groups


def described(*groups: dict[str, Any], **settings: Any) -> tuple[ParamGroupInfo, ...]:
    model = torch.nn.Linear(5, 3)
    contents = [[*model.parameters()], [torch.zeros(2, 4, requires_grad=True)]]
    together = [{"params": tensors, **given} for tensors, given in zip(contents, groups, strict=False)]
    names: dict[torch.Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    return describe_param_groups(torch.optim.Adam(together, **settings), names)


def test_groups_are_told_in_their_order_with_index_and_name() -> None:
    assert [(one.index, one.name) for one in described({"name": "a"}, {"name": "b"})] == [(0, "a"), (1, "b")]


def test_a_group_may_have_no_name() -> None:
    assert described({})[0].name is None


def test_parameters_are_told_with_name_and_shape() -> None:
    assert described({})[0].parameters == (ParameterInfo("weight", (3, 5)), ParameterInfo("bias", (3,)))


def test_a_parameter_that_the_model_does_not_name_has_none() -> None:
    assert described({}, {})[1].parameters == (ParameterInfo(None, (2, 4)),)


def test_the_elements_of_a_group_are_counted() -> None:
    assert [one.elements for one in described({}, {})] == [18, 8]


def test_the_lr_is_the_current_one_and_the_base_lr_the_initial_one() -> None:
    (info,) = described({"lr": 0.1, "initial_lr": 0.5})
    assert (info.lr, info.base_lr) == (0.1, 0.5)


def test_without_an_initial_lr_the_base_lr_is_the_lr() -> None:
    (info,) = described({"lr": 0.25})
    assert (info.lr, info.base_lr) == (0.25, 0.25)


def test_a_tensor_lr_is_told_as_a_number() -> None:
    parameter = torch.zeros(1, requires_grad=True)
    (info,) = describe_param_groups(torch.optim.SGD([parameter], lr=torch.tensor(0.5)), {})
    assert (type(info.lr), info.lr, info.base_lr) == (float, 0.5, 0.5)


@pytest.mark.parametrize(("name", "value"), [("eps", 1e-6), ("weight_decay", 0.01), ("betas", (0.8, 0.9))])
def test_the_optimizers_settings_are_told(name: str, value: object) -> None:
    assert described({}, **{name: value})[0].settings[name] == value


@pytest.mark.parametrize("name", ["params", "name", "lr", "initial_lr"])
def test_what_has_a_place_of_its_own_is_no_setting(name: str) -> None:
    assert name not in described({"name": "a", "initial_lr": 0.5})[0].settings


def test_changing_what_was_told_leaves_the_optimizer_alone() -> None:
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], eps=1e-6)
    describe_param_groups(optimizer, {})[0].settings["eps"] = 1.0
    assert optimizer.param_groups[0]["eps"] == 1e-6


def test_the_lr_that_a_scheduler_wrote_is_told() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    LRScheduler(optimizer, warmup_steps=10, eta_scal_min=0.0).step()
    (info,) = describe_param_groups(optimizer, {})
    assert (info.lr, info.base_lr) == (0.1, 0.5)
