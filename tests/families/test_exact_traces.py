"""The dry run of every scheduler of torch and transformers is bit for bit a plain loop over its own class."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch_cases
import transformers_cases
from plain_training import OPTIMIZERS, Case, Loop, optimizer_of, train
from torch.optim import lr_scheduler, swa_utils
from transformers.trainer_utils import SchedulerType

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.core.families.torch_optim import TorchFamily
from lrsched_cli.core.families.transformers import PREFIX, TransformersFamily

if TYPE_CHECKING:
    from lrsched_cli import Trace

BASE = lr_scheduler.LRScheduler
ALL = {**torch_cases.CASES, **{PREFIX + name: cases for name, cases in transformers_cases.CASES.items()}}
LOOPS = {
    "optimizer-first": Loop(),
    "scheduler-first": Loop(scheduler_first=True),
    "every epoch": Loop(epoch=3),
    "every epoch, whose last one is cut short": Loop(epoch=7),
    "every epoch, scheduler-first": Loop(scheduler_first=True, epoch=3),
    "every epoch, scheduler-first and cut short": Loop(scheduler_first=True, epoch=7),
}
each_case = pytest.mark.parametrize(
    "case",
    [pytest.param(one, id=f"{kind}-{n}") for kind, cases in ALL.items() for n, one in enumerate(cases)],
)


def classes_of_torch() -> set[str]:
    found = {
        name
        for module in (lr_scheduler, swa_utils)
        for name, one in vars(module).items()
        if inspect.isclass(one) and issubclass(one, BASE) and not name.startswith("_")
    }
    return found - {BASE.__name__}


def traced(case: Case, optimizer: str, loop: Loop) -> Trace:
    text = f"steps: {case.updates}\n{loop.text}{OPTIMIZERS[optimizer]}scheduler: {case.section}\n"
    Path("s.yaml").write_text(text, encoding="utf-8")
    return dry_run(load_schedule("s.yaml"))


def test_every_class_of_torch_is_known_and_tried() -> None:
    assert set(TorchFamily().names()) == classes_of_torch() == set(torch_cases.CASES)


def test_every_name_of_transformers_is_known_and_tried() -> None:
    names = {one.value for one in SchedulerType}
    assert set(TransformersFamily().names()) == {PREFIX + name for name in names}
    assert set(transformers_cases.CASES) == names


@pytest.mark.parametrize("kind", ALL)
def test_each_is_tried_with_three_settings_or_more(kind: str) -> None:
    assert len({(one.section, one.updates) for one in ALL[kind]}) >= 3


@each_case
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_a_dry_run_is_the_plain_loop(case: Case, optimizer: str, loop: Loop) -> None:
    plain = train(case, optimizer_of(optimizer), loop)
    trace = traced(case, optimizer, loop)
    assert trace.lr.tolist() == plain.lrs
    assert {name: values.tolist() for name, values in trace.settings.items()} == plain.changing


@each_case
def test_the_trace_counts_updates_and_knows_the_base_lrs(case: Case) -> None:
    trace = traced(case, "SGD", Loop())
    assert trace.step.tolist() == list(range(case.updates + 1))
    assert trace.groups == ("trunk", "head", "rest")
    assert trace.base_lr.tolist() == train(case, optimizer_of("SGD")).base_lrs


METRIC_TAKERS = {kind: [one for one in cases if one.metric is not None] for kind, cases in ALL.items()}


@pytest.mark.parametrize("kind", [kind for kind, cases in METRIC_TAKERS.items() if cases])
@pytest.mark.parametrize("loop", [one for one in LOOPS.values() if one.epoch <= 3], ids=str)
def test_a_metric_from_a_csv_column_is_that_of_the_formula(kind: str, loop: Loop) -> None:
    for case in METRIC_TAKERS[kind]:
        assert case.metric is not None
        rows = [f"{step},{case.metric(step)!r},x" for step in range(1, case.updates + 1)]
        Path("losses.csv").write_text("\n".join(["step,val loss,note", *rows]), encoding="utf-8")
        section, _, _ = case.section.rpartition(" metric: ")
        column = replace(case, section=f"{section} metric: {{csv: losses.csv, column: val loss}}}}")
        plain = train(case, optimizer_of("SGD"), loop)
        assert len({tuple(row) for row in plain.lrs}) > 1
        assert traced(column, "SGD", loop).lr.tolist() == plain.lrs
