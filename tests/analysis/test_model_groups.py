"""The groups of a model in numbers: what is told adds up, and is what the optimizer has."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsched_cli import load_schedule
from lrsched_cli.analysis.model_groups import ModelGroups, describe_model_groups
from lrsched_cli.analysis.name_folding import unfolded
from lrsched_cli.core.model_source import assignment_of

MODEL = "".join(
    f"{name}\n"
    for name in (
        "embed.weight [10, 4]",
        *(f"layers.{n}.{part}" for n in range(3) for part in ("w [4, 4]", "b [4]")),
        "head.w [2, 4]",
        "head.b [2]",
    )
)
TEXT = """\
optimizer: {type: AdamW, lr: 1e-3, weight_decay: 0.1}
model: m.txt
param_groups:
  - {name: head, lr: 1e-2, match: ["nothing.*", "head.w", "head.*"]}
  - {name: trunk}
no_weight_decay: {dims_below: 2}
"""
LAYERED = TEXT + "layer_decay: {layer: 're:layers\\.(\\d+)\\.', factor: 0.5}\n"


def report(text: str, model: str = MODEL) -> ModelGroups:
    Path("m.txt").write_text(model)
    Path("s.yaml").write_text(text.replace('"nothing.*", ', ""))
    return describe_model_groups(*assignment_of(load_schedule("s.yaml")))


def test_each_group_is_told_in_numbers() -> None:
    found = report(TEXT)
    assert [
        (one.name, one.group, one.no_decay, one.lr, one.weight_decay, one.tensors, one.elements)
        for one in found.groups
    ] == [
        ("head", "head", False, 1e-2, 0.1, 1, 8),
        ("head/no decay", "head", True, 1e-2, 0.0, 1, 2),
        ("trunk", "trunk", False, 1e-3, 0.1, 4, 88),
        ("trunk/no decay", "trunk", True, 1e-3, 0.0, 3, 12),
    ]
    assert (found.source, found.optimizer, found.tensors, found.elements) == ("m.txt", "AdamW", 9, 110)
    assert sum(one.share or 0 for one in found.groups) == pytest.approx(1)
    assert found.groups[2].share == 88 / 110


def test_each_pattern_says_what_it_took() -> None:
    head, head_bias, trunk, _ = report(TEXT).groups
    assert [(one.pattern, one.tensors, one.elements) for one in head.patterns] == [("head.w", 1, 8)]
    assert [(one.pattern, one.tensors, one.elements) for one in head_bias.patterns] == [("head.*", 1, 2)]
    assert [(one.pattern, one.tensors, one.elements) for one in trunk.patterns] == [(None, 4, 88)]


def test_names_are_folded_and_none_is_lost() -> None:
    for group in report(LAYERED).groups:
        names = [name for line in group.names for name in unfolded(line.names)]
        assert sorted(names) == sorted(one.name for one in group.parameters)
    trunk = report(TEXT).groups[2]
    assert [one.names for one in trunk.names] == ["embed.weight", "layers.{0..2}.w"]


def test_the_contents_of_all_layers_stand_together() -> None:
    found = report(LAYERED).contents
    assert [(one.group, one.pattern, one.no_decay) for one in found] == [
        ("head", "head.w", False),
        ("head", "head.*", True),
        ("trunk", None, False),
        ("trunk", None, True),
    ]
    assert [(line.names.names, line.layers) for line in found[2].lines] == [
        ("embed.weight", (0,)),
        ("layers.{0..2}.w", (1, 2, 3)),
    ]


def test_a_shape_that_is_not_known_makes_no_share() -> None:
    found = report("model: m.txt", "a\nb [3]\n")
    (group,) = found.groups
    assert (group.elements, group.unknown, group.share) == (3, 1, None)
    assert (found.elements, found.unknown) == (3, 1)


def test_an_optimizer_without_weight_decay_tells_none() -> None:
    (group,) = report("optimizer: {type: Rprop}\nmodel: m.txt").groups
    assert group.weight_decay is None
