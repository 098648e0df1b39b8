"""What a scheduler changes besides LRs, through plot, show, trace and compare."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import run

CYCLIC = """
steps: 8
optimizer: {type: SGD, lr: 0.25, momentum: 0.9}
param_groups: [{name: a}, {name: b.a}]
scheduler:
  {type: CyclicLR, base_lr: 0.25, max_lr: 0.5, step_size_up: 2, base_momentum: 0.5, max_momentum: 1.0}
"""
CYCLE = [1.0, 0.75, 0.5, 0.75, 1.0, 0.75, 0.5, 0.75, 1.0]
FADING = '''
from torch.optim.lr_scheduler import LRScheduler


class Fading(LRScheduler):
    """Weight decay falls, of the second group alone."""

    def get_lr(self):
        self.optimizer.param_groups[1]["weight_decay"] = 0.5 / (1 + self.last_epoch)
        return self.base_lrs
'''


@pytest.fixture(autouse=True)
def schedules(in_an_empty_folder: Path) -> None:
    (in_an_empty_folder / "one.yaml").write_text(CYCLIC)
    (in_an_empty_folder / "fading.py").write_text(FADING)
    (in_an_empty_folder / "fading.yaml").write_text(
        """
steps: 3
optimizer: {type: AdamW, lr: 0.25, weight_decay: 0.5}
param_groups: [{name: a}, {name: b}]
scheduler: {type: "fading:Fading"}
"""
    )


def result(*arguments: str) -> str:
    found = run(*arguments)
    assert (found.code, found.err) == (0, "")
    return found.out


def document(*arguments: str) -> Any:
    return json.loads(result(*arguments, "--json"))


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if set(line) != {"─"}]


@pytest.mark.parametrize("command", ["plot", "show"])
def test_the_numbers_of_changing_settings_are_printed(command: str) -> None:
    found = rows(result(command, "one.yaml"))
    start = found.index("Other settings that the scheduler changes (each at its step)")
    assert found[start + 1 : start + 6] == [
        "setting group first minimum maximum final",
        "momentum a 1 0.5 1 0.75",
        "@ 0 @ 2 @ 0 @ 7",
        "b.a 1 0.5 1 0.75",
        "@ 0 @ 2 @ 0 @ 7",
    ]


@pytest.mark.parametrize("command", ["plot", "show"])
def test_without_any_nothing_is_said(command: str) -> None:
    assert "Other settings" not in result(command, "no-warmup")
    assert document(command, "no-warmup")["settings"] == []


@pytest.mark.parametrize("command", ["plot", "show"])
def test_they_are_in_the_document(command: str) -> None:
    assert document(command, "one.yaml")["settings"][0] == {
        "group": "a",
        "setting": "momentum",
        "first": {"value": 1.0, "step": 0},
        "minimum": {"value": 0.5, "step": 2},
        "maximum": {"value": 1.0, "step": 0},
        "final": {"value": 0.75, "step": 7},
    }


def test_show_has_them_at_the_key_steps() -> None:
    found = rows(result("show", "one.yaml", "--at", "3"))
    start = found.index("LRs and changing settings at the key steps")
    assert found[start + 1] == "step update a b.a momentum"
    assert "3 4 0.375 0.375 0.75" in found
    (row,) = (one for one in document("show", "one.yaml", "--at", "3")["key_steps"] if one["step"] == 3)
    assert row["settings"] == {"momentum": {"a": 0.75, "b.a": 0.75}}


def test_groups_of_different_settings_have_a_column_each_at_the_key_steps() -> None:
    found = rows(result("show", "fading.yaml", "--trust"))
    assert "step update a b weight_decay a weight_decay b" in found
    assert "1 2 0.25 0.25 0.5 0.25" in found


def test_a_trace_has_their_columns_in_csv_and_json() -> None:
    table = list(csv.DictReader(result("trace", "one.yaml", "--out", "-").splitlines()))
    assert [float(row["momentum.b.a"]) for row in table] == CYCLE
    assert document("trace", "one.yaml")["columns"]["momentum.a"] == CYCLE


def test_a_golden_file_guards_them() -> None:
    result("trace", "one.yaml", "--out", "golden.csv")
    assert "golden equals one at all 9 common steps." in result(
        "compare", "one.yaml", "golden.csv", "--expect-equal"
    )
    for change, words in (
        ("base_momentum=0.75", "momentum in 2 of 2 matched groups."),
        ("cycle_momentum=false", "momentum in 2 of 2 matched groups."),
    ):
        found = run("compare", "one.yaml", "golden.csv", "--set", f"scheduler.{change}", "--expect-equal")
        assert found.code == 1
        assert f"golden differs from one: {words}" in found.out


def test_a_golden_file_of_lrs_alone_does_not_pass_for_a_schedule_that_changes_more() -> None:
    result("trace", "one.yaml", "--set", "scheduler.cycle_momentum=false", "--out", "golden.csv")
    found = run("compare", "golden.csv", "one.yaml", "--expect-equal")
    assert found.code == 1
    assert "golden has no columns momentum.GROUP to compare with those of one." in found.out


def test_the_document_of_a_comparison_tells_each_setting_by_its_name() -> None:
    result("trace", "one.yaml", "--out", "golden.csv")
    found = document("compare", "golden.csv", "one.yaml", "--set", "scheduler.max_momentum=0.75")
    assert found["quantities"] == ["lr", "momentum"]
    pair = found["pairs"][0]
    assert [(one["quantity"], one["group"], one["steps_differing"]) for one in pair["groups"]] == [
        ("lr", "a", 0),
        ("lr", "b.a", 0),
        ("momentum", "a", 7),
        ("momentum", "b.a", 7),
    ]
    assert (pair["equal"], pair["settings_only_in_first"], pair["settings_only_in_other"]) == (False, [], [])
    assert found["traces"][1]["settings"][0]["maximum"] == {"value": 0.75, "step": 0}
    header = Path("outputs/compare-golden-one.csv").read_text().splitlines()[0]
    assert header.endswith(
        "lr.one.a,lr.one.b.a,momentum.golden.a,momentum.golden.b.a,momentum.one.a,momentum.one.b.a"
    )


def test_weight_decay_of_a_class_of_ones_own_is_stored_and_read_back() -> None:
    result("trace", "fading.yaml", "--trust", "--out", "golden.csv")
    table = list(csv.DictReader(Path("golden.csv").read_text().splitlines()))
    assert [row["weight_decay.b"] for row in table] == ["0.5", "0.25", repr(0.5 / 3), "0.125"]
    assert {row["weight_decay.a"] for row in table} == {"0.5"}
    result("compare", "golden.csv", "fading.yaml", "--trust", "--expect-equal")
