"""What LRScheduler's own methods show."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from lrsched_cli import LRScheduler
from lrsched_cli.report.scheduler_views import look_ahead_figure, param_groups_text


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.Linear(3, 4)
        self.head = torch.nn.Linear(4, 1, bias=False)
        self.temperature = torch.nn.Parameter(torch.zeros(()))


def net_and_adam() -> tuple[Net, torch.optim.Optimizer]:
    net = Net()
    groups = [
        {"params": list(net.encoder.parameters()), "name": "encoder", "lr": 1e-3},
        {
            "params": [*net.head.parameters(), net.temperature],
            "name": "head",
            "lr": 3e-3,
            "weight_decay": 0.1,
        },
    ]
    return net, torch.optim.AdamW(groups, eps=1e-7, weight_decay=0.01)


def cells(text: str) -> list[list[str]]:
    lines = [line.strip() for line in text.split("\n")]
    return [re.split(r" {2,}", line) for line in lines if line.strip("─ ")]


def scheduler_at(step: int, **parameters: Any) -> LRScheduler:
    _, optimizer = net_and_adam()
    scheduler = LRScheduler(optimizer, **{"warmup_steps": 10, "T_0": 20, "T_mult": 1, **parameters})
    for _ in range(step):
        optimizer.step()
        scheduler.step()
    return scheduler


def test_each_group_is_shown_with_its_numbers() -> None:
    rows = cells(param_groups_text(*net_and_adam()))
    header = rows[0]
    assert {"#", "group", "LR", "eps", "weight_decay"} <= set(header)
    first, second = (dict(zip(header, row, strict=True)) for row in rows[1:3])
    assert (first["#"], first["group"], first["LR"], first["eps"], first["weight_decay"]) == (
        "0",
        "encoder",
        "1e-3",
        "1e-7",
        "1e-2",
    )
    assert (second["#"], second["group"], second["LR"], second["weight_decay"]) == (
        "1",
        "head",
        "3e-3",
        "0.1",
    )


def test_each_parameter_is_shown_with_its_name_and_shape() -> None:
    rows = cells(param_groups_text(*net_and_adam()))
    assert rows[3:] == [
        ["#", "group", "parameter", "shape"],
        ["0", "encoder", "encoder.weight", "4 x 3"],
        ["encoder.bias", "4"],
        ["1", "head", "head.weight", "1 x 4"],
        ["temperature", "scalar"],
    ]


def test_a_parameter_that_the_model_does_not_name_is_marked_unnamed() -> None:
    net, optimizer = net_and_adam()
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(2, 5))]})
    rows = cells(param_groups_text(net, optimizer))
    assert rows[3][:2] == ["2", "(unnamed)"]
    assert rows[-1] == ["2", "(unnamed)", "(unnamed)", "2 x 5"]


def test_the_lr_shown_is_the_one_that_the_optimizer_holds_now() -> None:
    net, optimizer = net_and_adam()
    scheduler = LRScheduler(optimizer, warmup_steps=0, eta_scal_min=0.0, eta_scal_max=1.0, T_0=2)
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [5e-4, 1.5e-3]
    header, first, second = cells(param_groups_text(net, optimizer))[:3]
    place = header.index("LR")
    assert (first[place], second[place]) == ("5e-4", "1.5e-3")


def test_an_lr_that_is_a_tensor_is_shown_as_a_number() -> None:
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=torch.tensor(0.25))
    assert "0.25" in cells(param_groups_text(net, optimizer))[1]


def test_the_method_prints_what_it_returns(capsys: pytest.CaptureFixture[str]) -> None:
    net, optimizer = net_and_adam()
    text = LRScheduler.visualize_optimizer_param_groups(net, optimizer)
    assert text == param_groups_text(net, optimizer)
    assert capsys.readouterr() == (text + "\n", "")


def test_nothing_of_the_optimizer_is_changed_by_showing_it() -> None:
    net, optimizer = net_and_adam()
    before = copy.deepcopy(optimizer.state_dict())
    param_groups_text(net, optimizer)
    assert optimizer.state_dict() == before


@pytest.mark.parametrize("step", [0, 7])
def test_a_look_ahead_starts_at_the_current_step_and_changes_nothing(step: int) -> None:
    scheduler = scheduler_at(step)
    before = copy.deepcopy((scheduler.state_dict(), scheduler.optimizer.state_dict()))
    figure = look_ahead_figure(scheduler, 50, None)
    assert isinstance(figure, Figure)
    assert [axes.get_xlim() for axes in figure.axes] == [(step, step + 50)] * 2
    assert (scheduler.state_dict(), scheduler.optimizer.state_dict()) == before


def test_a_look_ahead_draws_what_then_comes() -> None:
    scheduler = scheduler_at(7)
    lines = look_ahead_figure(scheduler, 30, 128).axes[0].lines[:2]
    held = [[group["lr"]] for group in scheduler.optimizer.param_groups]
    for _ in range(30):
        scheduler.optimizer.step()
        scheduler.step(128)
        for lrs, group in zip(held, scheduler.optimizer.param_groups, strict=True):
            lrs.append(group["lr"])
    assert [list(line.get_ydata()) for line in lines] == held  # type: ignore[arg-type]


def test_a_look_ahead_that_fails_changes_nothing() -> None:
    def stubborn(step: int) -> float:
        if step == 15:
            raise RuntimeError("no")
        return 1.0

    scheduler = scheduler_at(7, custom_lambda=stubborn)
    before = copy.deepcopy((scheduler.state_dict(), scheduler.optimizer.state_dict()))
    with pytest.raises(ValueError, match="15"):
        look_ahead_figure(scheduler, 30, None)
    assert (scheduler.state_dict(), scheduler.optimizer.state_dict()) == before


@pytest.mark.parametrize("steps", [0, -1, 10_000_001, 2.0, True, "5", None])
def test_a_look_ahead_takes_a_whole_number_of_steps(steps: Any) -> None:
    with pytest.raises(ValueError, match="max_steps"):
        look_ahead_figure(scheduler_at(0), steps, None)


def test_plot_is_the_look_ahead_and_opens_no_window() -> None:
    figure = scheduler_at(3).plot(20)
    assert figure.axes[0].get_xlim() == (3, 23)
    assert figure.canvas.manager is None
