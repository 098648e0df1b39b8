"""The table of warm-up conventions: made by a command, current, and true of the real libraries."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from transformers.optimization import get_scheduler

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks"))

import warmup_conventions as ours  # noqa: E402 - a script in a folder of its own

MEASURED_WITH = {"torch": "2.13", "transformers": "5.23"}
of_these_releases = pytest.mark.skipif(
    any(not version(name).startswith(f"{release}.") for name, release in MEASURED_WITH.items()),
    reason="the page has the table of other releases",
)


@of_these_releases
def test_the_table_in_the_docs_is_what_the_command_makes() -> None:
    page = ours.PAGE.read_text(encoding="utf-8")
    assert page.partition(ours.BEGIN)[2].partition(ours.END)[0].strip() == ours.table().strip()


def test_what_is_measured_of_transformers_is_what_a_plain_loop_gives() -> None:
    told = ours.measured()
    names = {name: one for name, one in told.items() if name.startswith("`transformers.")}
    assert len(names) >= 8
    for name, one in names.items():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        kind = name.strip("`").removeprefix("transformers.")
        stated = dict(ours.schedules())[name]["scheduler"]
        more = {key: value for key, value in stated.items() if key in {"num_decay_steps", "min_lr"}}
        scheduler = get_scheduler(
            kind, optimizer, stated["num_warmup_steps"], stated.get("num_training_steps"), more
        )
        lrs = []
        for _ in one.lrs:
            lrs.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        assert one.lrs == tuple(lrs), name
