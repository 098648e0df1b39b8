"""A resume that goes wrong in momentum alone is told under its name: in tables, document and picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR

from lrsched_cli.analysis.resume.verify import Curves, verify_resume
from lrsched_cli.report.json_text import json_text
from lrsched_cli.report.resume_figure import resume_caption
from lrsched_cli.report.resume_text import report_parts
from lrsched_cli.report.text import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Built = tuple[torch.nn.Module, torch.optim.Optimizer, Any]


class ForgetfulOneCycle(OneCycleLR):
    """Cycles LRs alone once it is restored."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.cycle_momentum = False


class ForgetfulCycles(CyclicLR):
    """The same."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.cycle_momentum = False


def groups(model: torch.nn.Linear) -> list[dict[str, Any]]:
    return [{"params": [model.weight], "name": "trunk"}, {"params": [model.bias], "name": "head"}]


def one_cycle_with_sgd() -> Built:
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(groups(model), lr=0.1, momentum=0.9)
    return model, optimizer, ForgetfulOneCycle(optimizer, max_lr=0.1, total_steps=41)


def cycles_with_adam() -> Built:
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.Adam(groups(model), lr=0.01)
    return model, optimizer, ForgetfulCycles(optimizer, base_lr=0.01, max_lr=0.1, step_size_up=8)


@pytest.mark.parametrize(
    ("make", "name"), [(one_cycle_with_sgd, "momentum"), (cycles_with_adam, "betas[0]")], ids=["SGD", "Adam"]
)
def test_what_is_lost_is_told_under_its_name(make: Callable[[], Built], name: str) -> None:
    report = verify_resume(make, save_at=20, steps=40)
    (result,) = report.results
    numbers = result.kinds[0]
    assert numbers.first is not None
    # The first resumed update runs at what the optimizer's state has brought.
    assert (numbers.first.quantity, numbers.first.update) == (f"{name} of trunk", 22)
    assert numbers.also == (f"{name} of head",)
    assert (numbers.shape, result.largest_lr) == ("late", None)
    told = plain_text(*report_parts(report, 200))
    assert f"update 22: {name} of trunk" in told
    assert f"Saved after 20, update 22: {name} of trunk is " in told
    assert f"There also: {name} of head." in told
    assert f'"quantity": "{name} of trunk"' in json_text(report)
    caption = resume_caption(report, Curves(np.ones((40, 2)), {}), "1")
    assert caption.subtitle.endswith(f"1 resumed run, with the same LRs · 1 with other {name}")


def test_of_runs_that_continue_exactly_no_setting_is_told() -> None:
    def healthy() -> Built:
        model = torch.nn.Linear(3, 1)
        optimizer = torch.optim.SGD(groups(model), lr=0.1, momentum=0.9)
        return model, optimizer, OneCycleLR(optimizer, max_lr=0.1, total_steps=41)

    report = verify_resume(healthy, save_at=[10, 20], steps=40)
    assert report.identical
    caption = resume_caption(report, Curves(np.ones((40, 2)), {}), "1")
    assert caption.subtitle.endswith("2 resumed runs, with the same LRs")
