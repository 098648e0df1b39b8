"""What a run makes of the numbers of param groups: kept where they change, known where they do not."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.analysis import group_numbers
from lrsched_cli.analysis.group_numbers import Settings, SettingsReader
from lrsched_cli.analysis.summary import SettingNumbers, ValueAt, summarize_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli import Trace

Group = dict[str, Any]

ONE_CYCLE = """
    steps: 40
    optimizer: {type: SGD, lr: 0.1, momentum: 0.9}
    param_groups: [{name: body}, {name: head, momentum: 0.5, weight_decay: 0.25}]
    scheduler: {type: OneCycleLR, max_lr: 0.1, total_steps: 41, base_momentum: [0.8, 0.7]}
    """
CYCLIC = """
    steps: 40
    optimizer: {type: Adam, lr: 0.01, betas: [0.9, 0.99]}
    scheduler:
      {type: CyclicLR, base_lr: 0.01, max_lr: 0.1, step_size_up: 7, base_momentum: 0.85, max_momentum: 0.95}
    """
FADING = '''
import torch
from torch.optim.lr_scheduler import LRScheduler


class Fading(LRScheduler):
    """Weight decay and betas fall with the LR, all of them tensors."""

    def __init__(self, optimizer, total):
        self.total = total
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(group["lr"], dtype=torch.float64)
            group["weight_decay"] = torch.tensor(group["weight_decay"], dtype=torch.float64)
            group["betas"] = tuple(torch.tensor(beta, dtype=torch.float64) for beta in group["betas"])
        super().__init__(optimizer)

    def get_lr(self):
        share = 1 - self.last_epoch / self.total
        for group in self.optimizer.param_groups:
            group["weight_decay"].fill_(0.25 * share if group["name"] == "body" else 0.0)
            group["betas"][0].fill_(0.5 * share)
        return [0.5 * share for _ in self.base_lrs]
'''


def read(groups: list[Group], *steps: Callable[[], object]) -> Settings:
    """What is read before and after each of the steps."""
    reader = SettingsReader(groups)
    reader.read(0)
    for row, step in enumerate(steps, start=1):
        step()
        reader.read(row)
    return reader.settings(len(steps) + 1)


def group(**settings: Any) -> Group:
    return {"params": [], "lr": 0.1, "initial_lr": 0.1, "name": "one", **settings}


def trace_of(text: str, **options: Any) -> Trace:
    Path("one.yaml").write_text(text)
    return dry_run(load_schedule("one.yaml", **options))


def columns(found: Settings) -> dict[str, list[list[float]]]:
    return {name: values.T.tolist() for name, values in found.changing.items()}


def test_what_changes_is_kept_at_every_row_and_the_rest_once() -> None:
    one = group(momentum=0.9, weight_decay=0.1, nesterov=False, foreach=None, betas=(0.9, 0.99))
    found = read([one], *[lambda: None] * 2, lambda: one.update(betas=(0.8, 0.99)), lambda: None)
    assert columns(found) == {"betas[0]": [[0.9, 0.9, 0.9, 0.8, 0.8]]}
    assert {name: values.tolist() for name, values in found.constant.items()} == {
        "momentum": [0.9],
        "weight_decay": [0.1],
        "betas[1]": [0.99],
    }


def test_lrs_names_and_parameters_are_no_settings() -> None:
    one = group(param_names=["w"])
    found = read([one], lambda: one.update(lr=0.5, initial_lr=0.5))
    assert (dict(found.changing), dict(found.constant)) == ({}, {})


def test_what_is_no_number_is_no_setting() -> None:
    found = read([group(one="1.0", two=torch.zeros(3), three=object(), four=True, five=["a", None])])
    assert (dict(found.changing), dict(found.constant)) == ({}, {})


def test_a_group_without_the_setting_has_no_number_there() -> None:
    one, other = group(momentum=0.9), group()
    found = read([one, other], lambda: one.update(momentum=0.5))
    assert np.array_equal(found.changing["momentum"], [[0.9, math.nan], [0.5, math.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (torch.tensor(0.5), lambda value: value.fill_(0.25)),
        ([0.5, 0.75], lambda value: value.__setitem__(0, 0.25)),
        ((torch.tensor(0.5), 0.75), lambda value: value[0].fill_(0.25)),
        (np.array(0.5), lambda value: value.fill(0.25)),
    ],
    ids=["tensor", "list", "tuple of tensors", "numpy"],
)
def test_what_is_changed_where_it_is_counts_too(value: Any, change: Callable[[Any], object]) -> None:
    found = read([group(momentum=0.9, one=value)], lambda: None, lambda: change(value), lambda: None)
    (values,) = found.changing.values()
    assert values[:, 0].tolist() == [0.5, 0.5, 0.25, 0.25]


def test_a_setting_that_is_taken_away_ends() -> None:
    one = group(momentum=0.9)
    found = read([one], lambda: one.pop("momentum"), lambda: None)
    assert np.array_equal(found.changing["momentum"], [[0.9], [math.nan], [math.nan]], equal_nan=True)


def test_a_setting_that_is_no_number_for_a_while_has_a_gap() -> None:
    one = group(momentum=0.9)
    found = read([one], lambda: one.update(momentum=None), lambda: one.update(momentum=0.9))
    assert np.array_equal(found.changing["momentum"], [[0.9], [math.nan], [0.9]], equal_nan=True)


def test_changes_at_every_row_are_kept_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_numbers, "_CHANGES_AT_A_TIME", 3)
    one, numbers = group(momentum=0.0, eps=1.0), count(1)
    found = read([one], *[lambda: one.update(momentum=float(next(numbers)))] * 20, *[lambda: None] * 5)
    assert found.changing["momentum"][:, 0].tolist() == [*range(21), *[20] * 5]
    assert found.constant["eps"].tolist() == [1.0]


def test_nothing_of_it_can_be_written_to() -> None:
    found = read([group(momentum=0.9, eps=1.0)])
    with pytest.raises(ValueError, match="read-only"):
        found.constant["eps"][0] = 2.0


@pytest.mark.parametrize(
    ("optimizer", "make", "text", "key"),
    [
        (
            lambda groups: torch.optim.SGD(
                [{"params": groups[:1]}, {"params": groups[1:], "momentum": 0.5, "weight_decay": 0.25}],
                lr=0.1,
                momentum=0.9,
            ),
            lambda optimizer: OneCycleLR(optimizer, max_lr=0.1, total_steps=41, base_momentum=[0.8, 0.7]),
            ONE_CYCLE,
            "momentum",
        ),
        (
            lambda groups: torch.optim.Adam(groups, lr=0.01, betas=(0.9, 0.99)),
            lambda optimizer: CyclicLR(
                optimizer, base_lr=0.01, max_lr=0.1, step_size_up=7, base_momentum=0.85, max_momentum=0.95
            ),
            CYCLIC,
            "betas",
        ),
    ],
    ids=["OneCycleLR", "CyclicLR"],
)
def test_a_dry_run_has_every_setting_of_a_plain_loop_bit_for_bit(
    optimizer: Callable[[list[Any]], Any], make: Callable[[Any], Any], text: str, key: str
) -> None:
    trace = trace_of(text)
    plain = optimizer([torch.nn.Parameter(torch.zeros(1)) for _ in range(2)])
    scheduler = make(plain)
    expected = []
    for _ in range(41):
        values = [one[key] for one in plain.param_groups]
        expected.append([value[0] if isinstance(value, tuple) else value for value in values])
        plain.step()
        if len(expected) < 41:
            scheduler.step()
    (name,) = trace.settings
    assert name == {"momentum": "momentum", "betas": "betas[0]"}[key]
    assert trace.settings[name].tolist() == expected
    assert len(np.unique(trace.settings[name])) > 10


def test_a_trace_knows_the_settings_that_stay_as_they_are() -> None:
    trace = trace_of(ONE_CYCLE)
    assert trace.constants["weight_decay"].tolist() == [0.0, 0.25]
    found = trace.number("weight_decay")
    assert found is not None
    assert (found.shape, found[7].tolist()) == (trace.lr.shape, [0.0, 0.25])
    assert trace.number("lr") is trace.lr
    assert trace.number("momentum") is trace.settings["momentum"]
    assert trace.number("betas[0]") is None


def test_a_class_of_the_users_own_may_change_weight_decay_and_tensors() -> None:
    Path("fading_tensors.py").write_text(FADING)
    trace = trace_of(
        """
        steps: 4
        optimizer: {type: AdamW, lr: 0.5, weight_decay: 0.25, betas: [0.5, 0.75]}
        param_groups: [{name: body}, {name: norm, weight_decay: 0.0}]
        scheduler: {type: "fading_tensors:Fading", total: 4}
        """,
        trust=True,
    )
    shares = [1, 0.75, 0.5, 0.25, 0]
    assert trace.lr.T.tolist() == [[0.5 * one for one in shares]] * 2
    assert columns(Settings(trace.settings, trace.constants)) == {
        "betas[0]": [[0.5 * one for one in shares]] * 2,
        "weight_decay": [[0.25 * one for one in shares], [0.0] * 5],
    }


def test_the_summary_is_over_the_rows_that_updates_run_at() -> None:
    text = """
        steps: 6
        optimizer: {type: SGD, lr: 0.1, momentum: 0.9}
        scheduler:
          {type: CyclicLR, base_lr: 0.25, max_lr: 0.5, step_size_up: 2, base_momentum: 0.5, max_momentum: 1.0}
        """
    for loop, first, final in (("optimizer-first", 0, 5), ("scheduler-first", 1, 6)):
        (found,) = summarize_settings(trace_of(f"loop: {loop}\n{text.replace('        ', '')}"))
        values = [1.0, 0.75, 0.5, 0.75, 1.0, 0.75, 0.5]
        assert found == SettingNumbers(
            "default",
            "momentum",
            ValueAt(values[first], first),
            ValueAt(0.5, 2),
            ValueAt(1.0, 0 if first == 0 else 4),
            ValueAt(values[final], final),
        )


def test_a_group_without_the_setting_is_not_summed_up() -> None:
    trace = trace_of(ONE_CYCLE)
    momentum = trace.settings["momentum"].copy()
    momentum[:, 1] = math.nan

    found = summarize_settings(replace(trace, settings={"momentum": momentum}))
    assert [one.group for one in found] == ["body"]
