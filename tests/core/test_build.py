"""Schedule → torch objects: which parameter goes to which group, and what the groups get."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from lrsched_cli import LRScheduler, ScheduleFileError, load_schedule
from lrsched_cli.core.matching import match_parameters
from lrsched_cli.core.signatures import optimizer_arguments, optimizer_names
from lrsched_cli.core.stand_ins import dummy_optimizer

if TYPE_CHECKING:
    from lrsched_cli import Schedule

NAMES = ["stem.weight", "stem.bias", "body.0.weight", "body.0.bias", "head.weight", "head.bias"]


def schedule_of(text: str) -> Schedule:
    path = Path("s.yaml")
    path.write_text(text, encoding="utf-8")
    return load_schedule(path)


def model() -> torch.nn.Module:
    return torch.nn.ModuleDict(
        {
            "stem": torch.nn.Linear(2, 3),
            "body": torch.nn.Sequential(torch.nn.Linear(3, 3)),
            "head": torch.nn.Linear(3, 1),
        }
    )


def names_of(optimizer: torch.optim.Optimizer, of: torch.nn.Module) -> list[list[str]]:
    names = {id(parameter): name for name, parameter in of.named_parameters()}
    return [[names[id(parameter)] for parameter in group["params"]] for group in optimizer.param_groups]


def told(text: str) -> list[str]:
    with pytest.raises(ScheduleFileError) as caught:
        schedule_of(text).build_optimizer(model())
    return [str(problem) for problem in caught.value.problems]


class TestMatching:
    def test_without_groups_one_group_takes_every_parameter(self) -> None:
        assert match_parameters(schedule_of("steps: 5"), NAMES) == [NAMES]

    def test_a_pattern_takes_the_parameters_that_it_matches(self) -> None:
        text = 'param_groups: [{name: a, match: ["head.*"]}, {name: b, match: ["stem.*", "body.*"]}]'
        assert match_parameters(schedule_of(text), NAMES) == [NAMES[4:], NAMES[:4]]

    def test_the_first_group_that_matches_wins(self) -> None:
        text = 'param_groups: [{name: a, match: ["*.bias"]}, {name: b, match: ["*"]}]'
        assert match_parameters(schedule_of(text), NAMES) == [NAMES[1::2], NAMES[0::2]]

    @pytest.mark.parametrize("place", [0, 1])
    def test_the_group_without_patterns_takes_the_rest_wherever_it_stands(self, place: int) -> None:
        groups = ['{name: a, match: ["head.*"]}']
        groups.insert(place, "{name: rest}")
        found = match_parameters(schedule_of(f"param_groups: [{', '.join(groups)}]"), NAMES)
        assert (found[place], found[1 - place]) == (NAMES[:4], NAMES[4:])

    def test_parameters_keep_the_models_order(self) -> None:
        text = 'param_groups: [{name: a, match: ["head.*", "stem.*"]}, {name: rest}]'
        assert match_parameters(schedule_of(text), NAMES)[0] == NAMES[:2] + NAMES[4:]

    @pytest.mark.parametrize(
        ("pattern", "matched"),
        [
            ("*", NAMES),
            ("stem.weight", ["stem.weight"]),
            ("*.weight", NAMES[0::2]),
            ("body.?.bias", ["body.0.bias"]),
            ("body.[0-9].*", NAMES[2:4]),
            ("[!b]*", NAMES[:2] + NAMES[4:]),
        ],
    )
    def test_patterns_are_those_of_file_names(self, pattern: str, matched: list[str]) -> None:
        text = f'param_groups: [{{name: a, match: ["{pattern}"]}}, {{name: b, match: ["*"]}}]'
        if matched == NAMES:
            text = f'param_groups: [{{name: a, match: ["{pattern}"]}}]'
        assert match_parameters(schedule_of(text), NAMES)[0] == matched

    def test_patterns_tell_upper_from_lower_case(self) -> None:
        schedule = schedule_of('param_groups: [{name: a, match: ["Head.*"]}, {name: rest}]')
        assert match_parameters(schedule, ["head.w", "Head.w"]) == [["Head.w"], ["head.w"]]


PATTERNS = """\
param_groups:
  - name: a
    match:
      - "head.*"
      - "tail.*"
  - name: rest
"""
UNMATCHED = """\
param_groups:
  - name: a
    match: ["head.*"]
  - name: b
    match: ["stem.*"]
"""
TWO_RESTS = """\
param_groups:
  - name: a
    match: ["head.*"]
  - name: b
  - name: c
"""
NOTHING_LEFT = """\
param_groups:
  - name: a
    match: ["*"]
  - name: b
"""
ALL_TAKEN = """\
param_groups:
  - name: a
    match: ["*"]
  - name: b
    match: ["head.*"]
"""
SEVERAL = """\
param_groups:
  - name: a
    match: ["nothing.*"]
  - name: b
  - name: c
  - name: d
    match: ["neither"]
"""


class TestMatchingErrors:
    def test_a_pattern_that_matches_nothing_is_told_at_its_line(self) -> None:
        (problem,) = told(PATTERNS)
        assert problem.startswith("s.yaml:5:9: param_groups.a.match.1: 'tail.*' matches no parameter")

    def test_a_parameter_that_no_pattern_matches_is_told_at_the_groups(self) -> None:
        (problem,) = told(UNMATCHED)
        assert problem.startswith("s.yaml:2:3: param_groups: no pattern matches body.0.weight, body.0.bias")

    def test_many_unmatched_parameters_are_counted_and_not_listed(self) -> None:
        schedule = schedule_of('param_groups: [{name: a, match: ["p0"]}]')
        with pytest.raises(ScheduleFileError, match="p1, p2, p3, p4, p5 and 94 more"):
            match_parameters(schedule, [f"p{n}" for n in range(100)])

    def test_a_second_group_for_the_rest_is_told_at_its_line(self) -> None:
        (problem,) = told(TWO_RESTS)
        assert problem.startswith("s.yaml:5:5: param_groups.c: has no match, like 'b'")

    def test_a_group_for_which_nothing_is_left_is_told_at_its_line(self) -> None:
        (problem,) = told(NOTHING_LEFT)
        assert problem.startswith("s.yaml:4:5: param_groups.b: gets no parameter: nothing is left")

    def test_a_group_whose_parameters_are_all_taken_is_told_at_its_line(self) -> None:
        (problem,) = told(ALL_TAKEN)
        assert problem.startswith("s.yaml:4:5: param_groups.b: gets no parameter: earlier groups match")

    def test_every_problem_is_told_at_once_in_the_order_of_the_file(self) -> None:
        lines = [int(problem.split(":")[1]) for problem in told(SEVERAL)]
        assert lines == [3, 5, 7]

    def test_a_model_without_parameters_is_told(self) -> None:
        with pytest.raises(ScheduleFileError, match="gets no parameter"):
            schedule_of("steps: 5").build_optimizer(torch.nn.ReLU())


FULL = """\
optimizer:
  type: AdamW
  lr: 2e-3
  weight_decay: 0.02
  betas: [0.8, 0.99]
param_groups:
  - name: trunk
    lr: 1e-3
    match: ["stem.*", "body.*"]
  - name: head
    weight_decay: 0
    match: ["head.*"]
    scheduler: {warmup_steps: 0, gamma: 0.8, custom_lambda: "1 / step"}
scheduler: {warmup_steps: 7, T_0: 30, custom_lambda: "2"}
"""


class TestTheOptimizer:
    def test_its_class_is_the_stated_one(self) -> None:
        assert type(schedule_of(FULL).build_optimizer(model())) is torch.optim.AdamW

    def test_its_class_is_adam_where_none_is_stated(self) -> None:
        assert type(schedule_of("steps: 5").build_optimizer(model())) is torch.optim.Adam

    def test_its_groups_hold_the_models_parameters(self) -> None:
        net = model()
        assert names_of(schedule_of(FULL).build_optimizer(net), net) == [NAMES[:4], NAMES[4:]]

    def test_its_groups_carry_the_files_names(self) -> None:
        groups = schedule_of(FULL).build_optimizer(model()).param_groups
        assert [group["name"] for group in groups] == ["trunk", "head"]

    def test_a_groups_own_lr_wins_over_the_optimizers(self) -> None:
        groups = schedule_of(FULL).build_optimizer(model()).param_groups
        assert [group["lr"] for group in groups] == [1e-3, 2e-3]

    def test_a_groups_own_argument_wins_over_the_optimizers(self) -> None:
        groups = schedule_of(FULL).build_optimizer(model()).param_groups
        assert [group["weight_decay"] for group in groups] == [0.02, 0]

    def test_the_optimizers_arguments_hold_for_every_group(self) -> None:
        groups = schedule_of(FULL).build_optimizer(model()).param_groups
        assert [group["betas"] for group in groups] == [(0.8, 0.99)] * 2

    @pytest.mark.parametrize("name", [name for name in optimizer_names() if name != "Muon"])
    def test_without_a_stated_lr_it_is_the_default_of_the_class(self, name: str) -> None:
        optimizer = schedule_of(f"optimizer: {{type: {name}}}").build_optimizer(model())
        assert optimizer.param_groups[0]["lr"] == optimizer_arguments(name)["lr"].default

    def test_a_frozen_parameter_is_taken_too(self) -> None:
        net = model()
        net.requires_grad_(requires_grad=False)
        assert names_of(schedule_of(FULL).build_optimizer(net), net) == [NAMES[:4], NAMES[4:]]

    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ("betas: [2.0, 0.9]", "Invalid beta parameter"),
            ("weight_decay: -1", "Invalid weight_decay"),
            ("foreach: true\n  fused: true", "fused"),
        ],
    )
    def test_settings_that_torch_refuses_are_told_at_the_optimizer(self, settings: str, reason: str) -> None:
        (problem,) = told(f"steps: 5\noptimizer:\n  type: Adam\n  {settings}\n")
        assert problem.startswith("s.yaml:3:3: optimizer: torch refuses these settings: ")
        assert reason in problem

    def test_what_torch_said_is_the_errors_cause(self) -> None:
        with pytest.raises(ScheduleFileError) as caught:
            schedule_of("optimizer: {betas: [2.0, 0.9]}").build_optimizer(model())
        assert isinstance(caught.value.__cause__, ValueError)

    def test_a_schedule_builds_more_than_one_optimizer(self) -> None:
        schedule = schedule_of(FULL)
        first, second = schedule.build_optimizer(model()), schedule.build_optimizer(model())
        schedule.build_scheduler(first).step()
        assert [group["lr"] for group in second.param_groups] == [1e-3, 2e-3]


class TestTheScheduler:
    def test_it_is_the_projects_own_with_the_files_parameters(self) -> None:
        schedule = schedule_of(FULL)
        scheduler = schedule.build_scheduler(schedule.build_optimizer(model()))
        assert type(scheduler) is LRScheduler
        assert (scheduler.parameters.warmup_steps, scheduler.parameters.T_0) == (7, 30)

    def test_what_the_file_leaves_out_is_the_default(self) -> None:
        schedule = schedule_of("steps: 5")
        optimizer = schedule.build_optimizer(model())
        assert schedule.build_scheduler(optimizer).parameters == LRScheduler(optimizer).parameters

    def test_building_it_writes_no_lr(self) -> None:
        schedule = schedule_of(FULL)
        optimizer = schedule.build_optimizer(model())
        schedule.build_scheduler(optimizer)
        assert [group["lr"] for group in optimizer.param_groups] == [1e-3, 2e-3]

    def test_a_groups_own_schedule_states_only_what_differs(self) -> None:
        schedule = schedule_of(FULL)
        scheduler = schedule.build_scheduler(schedule.build_optimizer(model()))
        scheduler.step()
        trunk, head = scheduler.factors
        assert trunk is not None
        assert head is not None
        assert (trunk.warmup, head.warmup) == (1 / 7, 1.0)
        assert [position.T_i for position in scheduler.positions] == [30, 30]

    def test_a_groups_own_schedule_goes_to_the_group_of_its_name(self) -> None:
        schedule = schedule_of(FULL)
        groups = [
            {"params": [torch.zeros(1, requires_grad=True)], "name": name} for name in ("head", "trunk")
        ]
        scheduler = schedule.build_scheduler(torch.optim.Adam(groups))
        scheduler.step()
        assert [factors.warmup for factors in scheduler.factors if factors] == [1.0, 1 / 7]

    def test_the_custom_lambdas_are_the_files_formulas(self) -> None:
        schedule = schedule_of(FULL)
        scheduler = schedule.build_scheduler(schedule.build_optimizer(model()))
        for _ in range(4):
            scheduler.step()
        assert [factors.custom for factors in scheduler.factors if factors] == [2.0, 0.25]

    def test_a_group_can_take_the_custom_lambda_away(self) -> None:
        schedule = schedule_of(FULL.replace('custom_lambda: "1 / step"', "custom_lambda: null"))
        scheduler = schedule.build_scheduler(schedule.build_optimizer(model()))
        scheduler.step()
        assert [factors.custom for factors in scheduler.factors if factors] == [2.0, 1.0]

    def test_a_group_inherits_the_custom_lambda(self) -> None:
        schedule = schedule_of(FULL.replace(', custom_lambda: "1 / step"', ""))
        scheduler = schedule.build_scheduler(schedule.build_optimizer(model()))
        scheduler.step()
        assert [factors.custom for factors in scheduler.factors if factors] == [2.0, 2.0]

    def test_an_optimizer_without_the_files_groups_is_a_value_error(self) -> None:
        schedule = schedule_of(FULL)
        with pytest.raises(ValueError, match="no param group 'head'"):
            schedule.build_scheduler(torch.optim.Adam(model().parameters()))


class TestTheDummyOptimizer:
    def test_its_parameters_have_the_files_shapes_and_names(self) -> None:
        text = "param_groups: [{name: a, shapes: {w: [3, 4], b: [3]}}, {name: c, shapes: {d: []}}]"
        optimizer, names = dummy_optimizer(schedule_of(text))
        found = [
            [(names[one], tuple(one.shape)) for one in group["params"]] for group in optimizer.param_groups
        ]
        assert found == [[("w", (3, 4)), ("b", (3,))], [("d", ())]]

    def test_a_group_without_shapes_gets_one_scalar_of_its_name(self) -> None:
        optimizer, names = dummy_optimizer(schedule_of("param_groups: [{name: a}]"))
        (scalar,) = optimizer.param_groups[0]["params"]
        assert (names[scalar], tuple(scalar.shape)) == ("a", ())

    def test_a_huge_parameter_costs_no_memory(self) -> None:
        text = "param_groups: [{name: a, shapes: {w: [1000000, 1000000]}}]"
        optimizer, _ = dummy_optimizer(schedule_of(text))
        (huge,) = optimizer.param_groups[0]["params"]
        assert (huge.numel(), huge.untyped_storage().nbytes()) == (10**12, 4)

    @pytest.mark.parametrize("name", optimizer_names())
    def test_every_class_of_torch_can_be_built(self, name: str) -> None:
        text = f"optimizer: {{type: {name}}}\nparam_groups: [{{name: a, shapes: {{w: [2, 2]}}}}]"
        optimizer, _ = dummy_optimizer(schedule_of(text))
        assert isinstance(optimizer, getattr(torch.optim, name))

    def test_it_has_the_files_lrs_and_settings(self) -> None:
        optimizer, _ = dummy_optimizer(schedule_of(FULL))
        assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [
            (1e-3, 0.02),
            (2e-3, 0),
        ]

    def test_settings_that_torch_refuses_are_told_at_the_optimizer(self) -> None:
        with pytest.raises(ScheduleFileError, match=r"s\.yaml:1:12: optimizer: torch refuses"):
            dummy_optimizer(schedule_of("optimizer: {betas: [2.0, 0.9]}"))


def test_a_schedule_from_a_file_gives_the_lrs_of_the_law() -> None:
    schedule = schedule_of("optimizer: {lr: 0.5}\nscheduler: {warmup_steps: 0, T_0: 10, gamma: 0.9}")
    optimizer = schedule.build_optimizer(model())
    schedule.build_scheduler(optimizer).step()
    scale = 0.5 * (1 + math.cos(math.pi * 1 / 10))
    assert optimizer.param_groups[0]["lr"] == 0.1 + (1.0 - 0.1) * scale
