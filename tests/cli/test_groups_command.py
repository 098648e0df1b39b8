"""``lrsched groups``, and what a model's groups are in the other commands."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch
from command_line import run, written
from PIL import Image
from safetensors.torch import save_file

from lrsched_cli import load_schedule

NAMES = """\
embed.weight [50, 8]
blocks.0.fc.weight [8, 8]
blocks.0.fc.bias [8]
blocks.1.fc.weight [8, 8]
blocks.1.fc.bias [8]
head.weight [2, 8]
head.bias [2]
"""
YAML = """\
name: small
steps: 30
model: small.txt
optimizer: {type: AdamW, lr: 1e-3, weight_decay: 0.05}
param_groups:
  - {name: head, match: ["head.*"], lr: 4e-3, scheduler: {warmup_steps: 2}}
  - {name: body}
no_weight_decay: {dims_below: 2}
layer_decay: {layer: 're:blocks\\.(\\d+)\\.', factor: 0.5}
scheduler: {warmup_steps: 5, T_0: 10}
"""
TABLE = """\
small: 7 param groups of AdamW over small.txt

#  group                       LR  weight decay  tensors  elements  share
─────────────────────────────────────────────────────────────────────────
0  head/layer 3              4e-3          5e-2        1        16   2.8%
1  head/layer 3/no decay     4e-3             0        1         2   0.4%
2  body/layer 0           1.25e-4          5e-2        1       400  71.2%
3  body/layer 1            2.5e-4          5e-2        1        64  11.4%
4  body/layer 1/no decay   2.5e-4             0        1         8   1.4%
5  body/layer 2              5e-4          5e-2        1        64  11.4%
6  body/layer 2/no decay     5e-4             0        1         8   1.4%
   all                                                 7       562

parameter                       shape     layers  tensors  elements
───────────────────────────────────────────────────────────────────
head: head.*
  head.weight                   2 x 8          3        1        16
head, no decay: head.*
  head.bias                     2              3        1         2
body: takes the rest
  embed.weight                  50 x 8         0        1       400
  blocks.{0,1}.fc.weight        8 x 8        1,2        2       128
body, no decay: takes the rest
  blocks.{0,1}.fc.bias          8            1,2        2        16

"""
GROUPS = [line.split("  ")[1].strip() for line in TABLE.splitlines()[4:11]]


@pytest.fixture(autouse=True)
def files(in_an_empty_folder: Path) -> None:
    (in_an_empty_folder / "small.txt").write_text(NAMES)
    (in_an_empty_folder / "small.yaml").write_text(YAML)


def model() -> torch.nn.Module:
    """A module with the parameters of the list."""
    blocks = torch.nn.ModuleList(torch.nn.ModuleDict({"fc": torch.nn.Linear(8, 8)}) for _ in range(2))
    return torch.nn.ModuleDict(
        {"embed": torch.nn.Embedding(50, 8), "blocks": blocks, "head": torch.nn.Linear(8, 2)}
    )


def test_groups_and_what_is_in_them_are_shown_in_full() -> None:
    result = run("groups", "small.yaml")
    assert (result.code, result.out, result.err) == (0, TABLE, "")
    assert not Path("outputs").exists()


def test_they_are_those_of_the_optimizer_that_the_file_builds() -> None:
    document = json.loads(run("groups", "small.yaml", "--json").out)
    optimizer = load_schedule("small.yaml").build_optimizer(model())
    assert [(one["name"], one["lr"], one["weight_decay"], one["elements"]) for one in document["groups"]] == [
        (one["name"], one["lr"], one["weight_decay"], sum(each.numel() for each in one["params"]))
        for one in optimizer.param_groups
    ]
    assert (document["tensors"], document["elements"], document["files"]) == (7, 562, [])


def test_every_parameter_can_be_listed() -> None:
    out = run("groups", "small.yaml", "--params").out
    assert [line.split()[-3:] for line in out.splitlines() if "weight" in line and "decay" not in line] != []
    assert all(name.split(" ")[0] in out for name in NAMES.splitlines())


@pytest.mark.parametrize("file", ["m.safetensors", "m.pt", "m.txt"])
def test_a_model_may_come_from_any_kind_of_file(file: str) -> None:
    state = model().state_dict()
    if file.endswith(".safetensors"):
        save_file(state, file)
    elif file.endswith(".pt"):
        torch.save({"model": state}, file)
    else:
        Path(file).write_text(NAMES)
    result = run("groups", "small.yaml", "--model", file, "--json")
    shown = json.loads(result.out)["groups"]
    assert {one["name"]: one["elements"] for one in shown} == {
        "head/layer 3": 16,
        "head/layer 3/no decay": 2,
        "body/layer 0": 400,
        "body/layer 1": 64,
        "body/layer 1/no decay": 8,
        "body/layer 2": 64,
        "body/layer 2/no decay": 8,
    }


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_picture_is_drawn_where_one_is_asked_for(suffix: str) -> None:
    result = run("groups", "small.yaml", "--out", f"outputs/g.{suffix}")
    assert result.out == TABLE + f"outputs/g.{suffix}\n"
    assert list(written()) == [f"g.{suffix}"]
    if suffix == "png":
        with Image.open("outputs/g.png") as image:
            assert image.info["Title"] == "small"
    else:
        assert ET.parse("outputs/g.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own
    assert run("groups", "small.yaml", "--plot").out.endswith("outputs/groups-small.png\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["default"],
            "lrsched: no model is given: give --model FILE, or state model: in the schedule file\n",
        ),
        (["default", "--model", "none.txt"], "none.txt: no such file\n"),
        (
            ["default", "--model", "spy:build"],
            'lrsched: --model spy:build: would import "spy" and call its "build"; allow it with --trust\n',
        ),
        (
            ["small.yaml", "--set", 'param_groups.head.match=["heads.*"]'],
            "--set:1:26: param_groups.head.match.0: 'heads.*' matches no parameter of the model\n",
        ),
    ],
)
def test_what_cannot_be_shown_is_told_and_nothing_is_imported(arguments: list[str], said: str) -> None:
    Path("spy.py").write_text("open('imported', 'w').close()\n")
    result = run("groups", *arguments)
    assert (result.code, result.out, result.err) == (2, "", said)
    assert not Path("imported").exists()


def test_a_model_of_ones_own_is_built_where_it_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path.cwd()))
    Path("mine_built.py").write_text("import torch\ndef build(): return torch.nn.Linear(3, 2)\n")
    result = run(
        "groups",
        "default",
        "--model",
        "mine_built:build",
        "--trust",
        "--json",
        "--set",
        "param_groups=[{name: all}]",
    )
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["elements"] == 8


def test_a_pattern_without_effect_is_a_warning_at_its_line() -> None:
    result = run("groups", "small.yaml", "--set", 'param_groups.head.match=["head.*", "head.bias"]')
    assert result.code == 0
    assert result.err == (
        "--set:1:36: param_groups.head.match.1: warning: 'head.bias' has no effect: 'head.*' before it takes "
        "all that it matches\n"
    )


@pytest.mark.parametrize("command", ["plot", "show", "trace"])
def test_the_other_commands_know_the_models_groups(command: str) -> None:
    result = run(command, "small.yaml", "--json")
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    assert [one["name"] if isinstance(one, dict) else one for one in document["groups"]] == GROUPS


def test_a_groups_own_schedule_reaches_all_that_come_of_it() -> None:
    out = json.loads(run("show", "small.yaml", "--json").out)
    assert [one["warmup_end"] for one in out["groups"]] == [2, 2, 5, 5, 5, 5, 5]


def test_a_run_over_a_models_groups_resumes_exactly_in_a_new_process() -> None:
    result = run("verify-resume", "small.yaml", "--save-at", "7", "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["groups"] == GROUPS


def test_rules_without_a_model_are_told_of() -> None:
    Path("bare.yaml").write_text(YAML.replace("model: small.txt\n", ""))
    result = run("trace", "bare.yaml", "--out", "-")
    assert (result.code, result.out.split("\n")[0]) == (
        0,
        "step,batch_size,lr.head,lr.body,scale.head,scale.body",
    )
    assert result.err == (
        "small: no_weight_decay and layer_decay: not shown without a model's parameters; give --model FILE\n"
    )


def test_two_models_under_one_schedule_are_compared() -> None:
    Path("other.txt").write_text(NAMES + "blocks.2.fc.weight [8, 8]\n")
    Path("other.yaml").write_text(
        YAML.replace("small.txt", "other.txt").replace("name: small", "name: other")
    )
    result = run("compare", "small.yaml", "other.yaml", "--expect-equal", "--json")
    assert result.code == 1
    (pair,) = json.loads(result.out)["pairs"]
    assert pair["only_in_other"] == ["body/layer 3"]
