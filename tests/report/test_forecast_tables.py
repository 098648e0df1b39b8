"""The forecast in words: jumps, who wins, and a verdict that anyone can act on."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from lrsched_cli import load_schedule
from lrsched_cli.analysis.forecast.forecasting import forecast
from lrsched_cli.report.forecast_csv import forecast_csv
from lrsched_cli.report.forecast_tables import MAX_ROWS, forecast_parts
from lrsched_cli.report.forecast_verdict import verdict
from lrsched_cli.report.text import plain_text

if TYPE_CHECKING:
    from lrsched_cli.analysis.forecast.forecasting import Forecast

TWO: dict[str, Any] = {
    "name": "two",
    "steps": 120,
    "loop": "scheduler-first",
    "batch_size": 64,
    "optimizer": {"type": "AdamW", "weight_decay": 0.05},
    "param_groups": [{"name": "body", "lr": 1e-3}, {"name": "head", "lr": 3e-3, "scheduler": {"T_0": 15}}],
    "scheduler": {"warmup_steps": 10, "T_0": 20, "T_mult": 2, "gamma": 0.9},
}


def resumed(save_at: int, *overrides: str, **changes: Any) -> Forecast:
    Path("two.yaml").write_text(json.dumps({**TWO, **changes}))
    return forecast(load_schedule("two.yaml"), load_schedule("two.yaml", overrides=overrides), save_at)


def told(found: Forecast) -> list[str]:
    return plain_text(*forecast_parts(found)).splitlines()


@pytest.mark.parametrize(
    ("save_at", "overrides", "said"),
    [
        (60, (), "both plans: they are the same"),
        (60, ("steps=200",), "both plans: they are the same"),
        (60, ("scheduler.T_0=33",), "the old plan: the new file changes no LR of it"),
        (
            60,
            ("optimizer.weight_decay=0.5",),
            "the old plan: its LRs are those of both plans; optimizer.weight_decay is the checkpoint's",
        ),
        (60, ("scheduler.gamma=0.5",), "the new plan, from update 61 on"),
        (
            60,
            ("scheduler.gamma=0.5", "optimizer.weight_decay=0.5", "optimizer.eps=1e-3"),
            (
                "neither plan: its LRs are the new plan's; optimizer.weight_decay, optimizer.eps are the "
                "checkpoint's"
            ),
        ),
        (
            60,
            ("scheduler.T_mult=3",),
            "neither plan: its LRs leave the old plan at update 71 and the new plan at update 61",
        ),
        (
            60,
            ("optimizer.type=Adam",),
            (
                "neither plan: its LRs are those of both plans; optimizer.decoupled_weight_decay is the "
                "checkpoint's; optimizer.type is the file's"
            ),
        ),
        (
            120,
            ("steps=150", "scheduler.T_mult=3"),
            "neither plan: its LRs leave the new plan at update 121",
        ),
    ],
)
def test_the_verdict_says_which_plan_and_why(save_at: int, overrides: tuple[str, ...], said: str) -> None:
    found = resumed(save_at, *overrides)
    assert verdict(found) == f"What really happens is {said}."
    assert told(found)[-1] == verdict(found)


def test_the_verdict_says_from_where_on_the_new_plan_holds() -> None:
    found = resumed(60, "batch_size=256", loop="optimizer-first")
    assert verdict(found) == (
        "What really happens is neither plan: its LRs leave the old plan at update 62 and are the new plan's "
        "from update 62 on."
    )
    assert "body: on the new plan from update 62 on." in told(found)


def test_the_verdict_speaks_of_groups_in_another_order() -> None:
    found = forecast(resumed_schedule(), resumed_schedule(TWO["param_groups"][::-1]), 5)
    assert verdict(found).endswith("its param groups are in another order.")
    assert any(
        line.startswith("In another order than in the checkpoint: head, body.") for line in told(found)
    )


def resumed_schedule(groups: Any = None) -> Any:
    Path("two.yaml").write_text(json.dumps({**TWO, "param_groups": groups or TWO["param_groups"]}))
    return load_schedule("two.yaml")


def test_jumps_are_told_in_numbers() -> None:
    lines = told(resumed(60, "param_groups.body.lr=2e-3"))
    place = next(index for index, line in enumerate(lines) if line.startswith("body"))
    # 30, then 31 of 40 steps down a cosine from 2e-4 + 0.9 * 1.8e-3, twice as high with the new base LR
    assert re.split(" +", lines[place]) == [
        "body",
        "4.372e-4",
        "3.941e-4",
        "7.881e-4",
        "7.881e-4",
        "+3.509e-4",
        "+3.941e-4",
    ]
    assert lines[place + 1].split() == ["×1.803", "×2"]


def test_the_settings_say_who_wins_and_from_where_on() -> None:
    lines = told(
        resumed(
            60,
            "scheduler.T_0=33",
            "scheduler.gamma=0.5",
            "scheduler.warmup_steps=20",
            "optimizer.weight_decay=0.5",
            "steps=200",
        )
    )
    assert any(line.startswith("scheduler.warmup_steps: taken from the file") for line in lines)
    for row in (
        ["steps", "120", "200", "file", "-"],
        ["optimizer.weight_decay", "5e-2", "0.5", "checkpoint", "-"],
        ["scheduler.warmup_steps", "10", "20", "file", "never"],
        ["scheduler.T_0", "20", "33", "checkpoint", "-"],
        ["scheduler.gamma", "0.9", "0.5", "file", "@", "61"],
    ):
        assert row in [line.split() for line in lines]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("steps=200", "steps: in no checkpoint; the training script reads it from the file."),
        ("steps=200", "The old plan ends at update 120: compared with it up to there."),
        ("steps=90", "The resumed run ends at update 90, before the old plan does."),
        ("scheduler.T_0=33", "scheduler.T_0: only the length of the first cycle; the state brings the"),
        ("scheduler.warmup_steps=20", "scheduler.warmup_steps: taken from the file, but no LR before"),
        ("scheduler.custom_lambda='1.0'", "scheduler.custom_lambda: a checkpoint does not hold it."),
        ("optimizer.eps=1e-8", "optimizer.eps: comes to the same in every group."),
        ("optimizer.foreach=true", "optimizer.foreach: how the optimizer computes, not what; not tried."),
        ("optimizer.eps=1e-3", "optimizer.eps: optimizer.load_state_dict brings it back;"),
        ("optimizer.type=Adam", "optimizer.type: the file's class goes on with the state"),
        ("param_groups.head.name=top", "Matched by order, not by name: top with head."),
        ("param_groups.head.name=top", "param_groups.head.name: the restored optimizer keeps the old name"),
        ("scheduler.gamma=0.5", "  gamma: 0.9 → 0.5"),
        ("description=same", "Settings that differ: none"),
    ],
)
def test_what_a_table_cannot_say_is_said_in_a_line(override: str, line: str) -> None:
    assert any(one.startswith(line) for one in told(resumed(60, override)))


def test_a_plan_that_has_ended_has_no_numbers() -> None:
    lines = [line.split() for line in told(resumed(120, "steps=150"))]
    assert any(row[:1] == ["body"] and row[2] == "-" for row in lines if len(row) > 2)
    assert ["body", "new", "plan", "ended", "-", "-", "-"] in lines


def test_no_line_is_cut_at_80_columns() -> None:
    console = Console(width=80, file=io.StringIO(), color_system=None)
    for part in forecast_parts(resumed(15, "scheduler.warmup_steps=20", "optimizer.betas=[0.8, 0.99]")):
        console.print(part, markup=False, highlight=False)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    for words in ("furthest from new", "neither", "optimizer.betas", "0.9, 0.999", "0.8, 0.99", "checkpoint"):
        assert words in text


def test_long_lists_are_cut() -> None:
    groups = [{"name": f"g{index}", "lr": 1e-3 * (index + 1)} for index in range(MAX_ROWS + 5)]
    new = [{**group, "lr": 1.0} for group in groups]
    found = forecast(resumed_schedule(groups), resumed_schedule(new), 5)
    lines = told(found)
    assert sum(line.startswith("5 more") for line in lines) == 3
    assert any(line.startswith("  6 more") for line in lines)  # the warning has a heading besides
    assert not any(line.startswith(f"g{MAX_ROWS} ") for line in lines)


def test_the_csv_has_three_curves_for_each_group_and_gaps_where_a_plan_has_ended() -> None:
    found = resumed(60, "steps=130", "param_groups.head.name=top")
    header, *rows = [line.split(",") for line in "".join(forecast_csv(found)).splitlines()]
    assert header == ["update", "old.body", "old.head", "really.body", "really.top", "new.body", "new.top"]
    assert [row[0] for row in rows] == [str(update) for update in range(1, 131)]
    assert [float(row[4]) for row in rows] == found.curves.really[:, 1].tolist()
    assert [float(row[1]) for row in rows[:120]] == found.curves.old[:, 0].tolist()
    assert {(row[1], row[2]) for row in rows[120:]} == {("", "")}
