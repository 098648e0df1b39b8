"""Which parameter of a real model lands in which group: what is shown is what build_optimizer makes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from models import names_by_group, pretrained, schedule_of, transformer

from lrsched_cli import ScheduleFileError, ScheduleFileWarning, dry_run
from lrsched_cli.core.assignment import Assignment, assign
from lrsched_cli.core.model_parameters import parameters_of_module

if TYPE_CHECKING:
    from collections.abc import Callable

RULES = """\
optimizer: {type: AdamW, lr: 1e-3, weight_decay: 0.05}
no_weight_decay: {match: ["*embed*"], dims_below: 2}
layer_decay: {layer: 're:(?:layers|layer|h)\\.(\\d+)\\.', factor: 0.75}
"""
PATTERNS = """\
optimizer: {type: AdamW, lr: 1e-3, weight_decay: 0.1}
param_groups:
  - {name: norms, match: ["*norm*"], weight_decay: 0, lr: 1e-4}
  - {name: biases, match: ["*.bias"], weight_decay: 0, scheduler: {warmup_steps: 0, T_0: 7}}
  - {name: rest}
"""


def assigned(text: str, model: torch.nn.Module) -> Assignment:
    return assign(schedule_of(text), parameters_of_module(model))


def told(text: str, model: torch.nn.Module) -> list[str]:
    with pytest.raises(ScheduleFileError) as caught:
        assigned(text, model)
    with pytest.raises(ScheduleFileError) as built:
        schedule_of(text).build_optimizer(model)
    assert caught.value.problems == built.value.problems
    return [str(problem) for problem in caught.value.problems]


MODELS: dict[str, Callable[[], torch.nn.Module]] = {
    "TransformerEncoder": transformer,
    **{kind: lambda kind=kind: pretrained(kind) for kind in ("bert", "llama", "vit", "gpt2")},  # type: ignore[misc]
}


NAMES_IN: dict[str, dict[str, str]] = {
    "TransformerEncoder": {},
    "bert": {"norm": "LayerNorm"},
    "llama": {"*.bias": "lm_head.*"},  # it has no biases
    "vit": {},
    "gpt2": {"embed": "wte", "norm": "ln_"},
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("text", [RULES, PATTERNS, "steps: 5"], ids=["rules", "patterns", "nothing"])
def test_the_optimizer_has_exactly_the_groups_that_are_shown(kind: str, text: str) -> None:
    for theirs, here in NAMES_IN[kind].items():
        text = text.replace(theirs, here)
    model = MODELS[kind]()
    schedule = schedule_of(text)
    shown = assign(schedule, parameters_of_module(model))
    optimizer = schedule.build_optimizer(model)
    assert names_by_group(optimizer, model) == {
        group.name: [one.name for one in group.parameters] for group in shown.groups
    }
    assert [group["lr"] for group in optimizer.param_groups] == [group.lr for group in shown.groups]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [
        group.weight_decay for group in shown.groups
    ]
    everything = [one for group in optimizer.param_groups for one in group["params"]]
    assert {id(one) for one in everything} == {id(one) for one in model.parameters()}
    assert len(everything) == len(set(map(id, everything)))


@pytest.mark.parametrize("text", [RULES, PATTERNS], ids=["rules", "patterns"])
def test_the_dry_run_is_that_of_the_real_optimizer(text: str) -> None:
    model = transformer()
    schedule = schedule_of(text + "steps: 30\nscheduler: {warmup_steps: 5, T_0: 9}\n")
    trace = dry_run(schedule.with_model(model))
    optimizer = schedule.build_optimizer(model)
    scheduler = schedule.build_scheduler(optimizer)
    assert list(trace.groups) == [group["name"] for group in optimizer.param_groups]
    for row in range(31):
        assert trace.lr[row].tolist() == [group["lr"] for group in optimizer.param_groups]
        scheduler.step()


def test_a_groups_own_schedule_reaches_all_the_groups_that_come_of_it() -> None:
    text = (
        RULES
        + """
steps: 20
param_groups:
  - {name: head, match: ["head.*"], layer_decay: null}
  - {name: trunk, scheduler: {warmup_steps: 0, T_0: 6}}
scheduler: {warmup_steps: 8, T_0: 12}
"""
    )
    model = transformer()
    schedule = schedule_of(text)
    optimizer = schedule.build_optimizer(model)
    scheduler = schedule.build_scheduler(optimizer)
    for _ in range(3):
        scheduler.step()
    multipliers = {group["name"]: group["lr"] / group["initial_lr"] for group in optimizer.param_groups}
    head = [value for name, value in multipliers.items() if name.startswith("head")]
    trunk = [value for name, value in multipliers.items() if name.startswith("trunk")]
    assert len(trunk) == 7  # no embedding has weight decay
    assert all(one == pytest.approx(trunk[0]) for one in trunk)
    assert len(head) == 2
    assert all(one != pytest.approx(trunk[0]) for one in head)


def beit_lr(name: str, base: float, factor: float, layers: int) -> float:
    """The LR of a ViT's parameter as BEiT and MAE have it, written down once more."""
    number = re.search(r"layers\.(\d+)\.", name)
    if name.startswith("vit.embeddings."):
        layer = 0
    elif number:
        layer = int(number[1]) + 1
    else:
        layer = layers + 1
    lr = base
    for _ in range(layers + 1 - layer):
        lr *= factor
    return lr


def test_layer_decay_of_a_vit_is_that_of_beit() -> None:
    model = pretrained("vit")
    optimizer = schedule_of(RULES).build_optimizer(model)
    seen = 0
    lr_of = {id(one): group for group in optimizer.param_groups for one in group["params"]}
    for name, parameter in model.named_parameters():
        group = lr_of[id(parameter)]
        assert group["lr"] == pytest.approx(beit_lr(name, 1e-3, 0.75, 12), rel=1e-12)
        decays = parameter.ndim >= 2 and "embed" not in name
        assert group["weight_decay"] == (0.05 if decays else 0.0)
        seen += 1
    assert seen > 150
    assert len(optimizer.param_groups) == 27  # its embeddings have no part with weight decay
    names = [group["name"] for group in optimizer.param_groups]
    assert names[:3] == ["default/layer 0/no decay", "default/layer 1", "default/layer 1/no decay"]
    assert optimizer.param_groups[-1]["lr"] == 1e-3


class TestTiedWeights:
    def test_they_are_one_parameter_with_all_its_names(self) -> None:
        (group,) = assigned("steps: 5", pretrained("gpt2")).groups
        tied = [one for one in group.parameters if one.also]
        assert [(one.name, one.also) for one in tied] == [("transformer.wte.weight", ("lm_head.weight",))]

    def test_a_pattern_may_name_either(self) -> None:
        both = 'param_groups: [{name: ends, match: ["lm_head.weight", "*.wte.weight"]}, {name: rest}]'
        ends, rest = assigned(both, pretrained("gpt2")).groups
        assert [one.name for one in ends.parameters] == ["transformer.wte.weight"]
        assert "lm_head.weight" not in [name for one in rest.parameters for name in one.names]

    def test_in_two_groups_they_are_told_at_the_later_pattern(self) -> None:
        text = """\
param_groups:
  - name: embeddings
    match: ["*.wte.*"]
  - name: head
    match:
      - "*.ln_f.*"
      - "lm_head.*"
  - name: rest
"""
        (problem,) = told(text, pretrained("gpt2"))
        assert problem == (
            "s.yaml:7:9: param_groups.head.match.1: lm_head.weight and transformer.wte.weight are one "
            "parameter (tied weights), which cannot be in two groups: 'head' gets the one, 'embeddings' the "
            "other; match both in one group"
        )

    def test_the_rest_is_a_group_too(self) -> None:
        text = 'param_groups: [{name: head, match: ["lm_head.*"]}, {name: rest}]'
        (problem,) = told(text, pretrained("gpt2"))
        assert "are one parameter (tied weights)" in problem
        assert problem.startswith("s.yaml:1:52: param_groups.rest: ")


class TestShadowedPatterns:
    TEXT = """\
param_groups:
  - name: norms
    match: ["*norm*"]
  - name: biases
    match:
      - "*norm1.bias"
      - "*.bias"
  - name: rest
"""

    def test_one_that_earlier_ones_leave_nothing_is_a_warning_at_its_line(self) -> None:
        (warning,) = assigned(self.TEXT, transformer()).warnings
        assert str(warning) == (
            "s.yaml:6:9: param_groups.biases.match.0: '*norm1.bias' has no effect: "
            "'*norm*' before it takes all that it matches"
        )

    def test_the_optimizer_is_built_with_the_same_warning(self) -> None:
        with pytest.warns(ScheduleFileWarning, match=r"s\.yaml:6:9: .* has no effect"):
            optimizer = schedule_of(self.TEXT).build_optimizer(transformer())
        assert len(optimizer.param_groups) == 3

    def test_several_that_take_all_are_named(self) -> None:
        text = self.TEXT.replace('["*norm*"]', '["*.0.norm*", "*.1.norm*", "*.2.norm*"]')
        (warning,) = assigned(text, transformer()).warnings
        assert warning.message.endswith(
            "'*.0.norm*', '*.1.norm*', '*.2.norm*' before it take all that it matches"
        )

    def test_one_that_still_takes_something_is_none(self) -> None:
        text = self.TEXT.replace("*norm1.bias", "*1.bias")
        assert assigned(text, transformer()).warnings == ()


class TestNoWeightDecay:
    ALL = "optimizer: {type: AdamW, weight_decay: 0.1}\n"

    def test_it_takes_names_and_few_dimensions(self) -> None:
        text = self.ALL + 'no_weight_decay: {match: ["embed.*"], dims_below: 2}'
        decay, none = assigned(text, transformer()).groups
        assert (decay.name, none.name) == ("default", "default/no decay")
        assert (decay.weight_decay, none.weight_decay) == (0.1, 0.0)
        assert all(one.shape is not None and len(one.shape) == 2 for one in decay.parameters)
        assert "embed.weight" in [one.name for one in none.parameters]

    def test_a_groups_own_goes_before_that_of_all(self) -> None:
        text = self.ALL + (
            "no_weight_decay: {dims_below: 2}\n"
            'param_groups: [{name: a, match: ["encoder.*"], no_weight_decay: null}, {name: b}]'
        )
        assert [one.name for one in assigned(text, transformer()).groups] == ["a", "b", "b/no decay"]

    def test_a_pattern_that_matches_nothing_is_told_at_its_line(self) -> None:
        text = self.ALL + 'no_weight_decay:\n  match:\n    - "embed.*"\n    - "*.beta"\n'
        assert told(text, transformer()) == [
            "s.yaml:5:7: no_weight_decay.match.1: '*.beta' matches no parameter of the model"
        ]

    def test_without_weight_decay_it_has_no_effect_and_says_so(self) -> None:
        found = assigned("no_weight_decay: {dims_below: 2}", transformer())
        assert [one.name for one in found.groups] == ["default"]
        (warning,) = found.warnings
        assert "has no effect: the weight decay is 0 anyway" in warning.message

    def test_an_unknown_shape_is_told_where_the_shape_decides(self) -> None:
        model = torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.Linear(3, 1))
        text = self.ALL + "no_weight_decay: {dims_below: 2}\n"
        assert told(text, model) == [
            "s.yaml:2:31: no_weight_decay.dims_below: needs shapes, and nothing says that of 0.weight, 0.bias"
        ]
        text = self.ALL + 'no_weight_decay: {match: ["*.bias"]}\n'
        assert [len(one.parameters) for one in assigned(text, model).groups] == [2, 2]


class TestLayerDecay:
    TEXT = "optimizer: {type: SGD, lr: 1}\nlayer_decay: {layer: 're:layers\\.(\\d+)\\.', factor: 0.5}\n"

    def test_embeddings_are_layer_0_and_all_else_is_the_top(self) -> None:
        found = {one.layer: one.lr for one in assigned(self.TEXT, transformer()).groups}
        assert found == {0: 1 / 16, 1: 1 / 8, 2: 1 / 4, 3: 1 / 2, 4: 1.0}

    def test_what_is_layer_0_can_be_said(self) -> None:
        text = self.TEXT.replace("factor: 0.5", "factor: 0.5, embeddings: ['head.*']")
        by_layer = {one.layer: one.parameters for one in assigned(text, transformer()).groups}
        assert [one.name for one in by_layer[0]] == ["head.weight", "head.bias"]
        assert [one.name for one in by_layer[4]] == ["embed.weight"]

    def test_numbers_may_begin_anywhere(self) -> None:
        model = torch.nn.ModuleDict({f"layers{n}": torch.nn.Linear(1, 1) for n in (3, 4)})
        found = assigned(self.TEXT.replace("layers\\.(\\d+)\\.", "layers(\\d+)\\."), model)
        assert [(one.layer, one.lr) for one in found.groups] == [(1, 0.25), (2, 0.5)]

    def test_layers_that_are_not_found_are_told_at_their_line(self) -> None:
        assert told(self.TEXT.replace("layers", "blocks"), transformer()) == [
            r"s.yaml:2:22: layer_decay.layer: 're:blocks\\.(\\d+)\\.' matches no parameter of the model"
        ]

    def test_a_group_multiplies_its_own_lr(self) -> None:
        text = self.TEXT + 'param_groups: [{name: head, match: ["head.*"], lr: 8}, {name: rest, lr: 4}]'
        found = {one.name: one.lr for one in assigned(text, transformer()).groups}
        assert found == {
            "head/layer 4": 8.0,
            "rest/layer 0": 4 / 16,
            "rest/layer 1": 4 / 8,
            "rest/layer 2": 1.0,
            "rest/layer 3": 2.0,
        }

    def test_a_name_that_comes_twice_is_told(self) -> None:
        text = (
            self.TEXT + 'param_groups: [{name: a}, {name: a/layer 1, match: ["head.*"], layer_decay: null}]'
        )
        (problem,) = told(text, transformer())
        assert "'a/layer 1' is also the name of what 'a' expands into; choose another one" in problem


def test_a_group_of_the_file_gets_its_problems_at_its_own_line_when_expanded() -> None:
    text = TestLayerDecay.TEXT + "param_groups:\n  - name: a\n    match: ['head.*']\n  - name: b\n"
    expanded = schedule_of(text).with_model(transformer())
    last = len(expanded.param_groups) - 1
    assert str(expanded.problem_at(("param_groups", last), "x")).startswith("s.yaml:6:5: param_groups.b: x")


def test_an_expanded_schedule_still_builds_for_another_model() -> None:
    schedule = schedule_of(TestLayerDecay.TEXT).with_model(transformer(3))
    assert len(schedule.param_groups) == 5
    assert len(schedule.build_optimizer(transformer(6)).param_groups) == 8
    assert len(schedule.with_model(transformer(6)).param_groups) == 8


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("no_weight_decay: {}", "needs match, dims_below, or both"),
        ("no_weight_decay: {dims_below: 0}", "no_weight_decay.dims_below: must be a whole number, 1 or more"),
        ("no_weight_decay: {matches: [a]}", "is no known key; did you mean match?"),
        ("layer_decay: {layer: 're:(\\d+)'}", "layer_decay.factor: is missing"),
        ("layer_decay: {layer: 're:(\\d+)', factor: 1.5}", "must be a number above 0, 1 at most (got 1.5)"),
        ("layer_decay: {layer: 'a', factor: 0.5}", "must be a regular expression behind re:"),
        ("param_groups: [{name: a, match: ['re:(']}]", "is no regular expression"),
        ("param_groups: [{name: a, layer_decay: 3}]", "must be a mapping (got 3)"),
    ],
)
def test_a_rule_that_is_wrong_is_told_when_the_file_is_read(rule: str, said: str) -> None:
    with pytest.raises(ScheduleFileError) as caught:
        schedule_of(rule)
    assert any(said in str(problem) for problem in caught.value.problems), caught.value


def test_a_lazy_module_is_assigned_by_its_names() -> None:
    model: Any = torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.Linear(3, 1))
    optimizer = schedule_of('param_groups: [{name: b, match: ["*.bias"]}, {name: w}]').build_optimizer(model)
    assert names_by_group(optimizer, model) == {"b": ["0.bias", "1.bias"], "w": ["0.weight", "1.weight"]}
