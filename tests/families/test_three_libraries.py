"""Linear warm-up over 5 updates and half a cosine over 20 in three libraries: where they differ, and why.

Ours gives update 1 a fifth of the LR, and restarts after the cycle of 20. Torch's warm-up cannot begin at 0.
Transformers gives the first update an LR of 0.
"""

from __future__ import annotations

import json
import sys
from math import cos, pi
from pathlib import Path
from typing import Any

import pytest

from lrsched_cli import Trace, dry_run, load_schedule

sys.path.append(str(Path(__file__).resolve().parent.parent / "cli"))

from command_line import run

HEAD = "steps: 25\noptimizer: {type: SGD, lr: 0.1}\n"
FILES = {
    "ours": f"""\
{HEAD}loop: scheduler-first
scheduler: {{warmup_steps: 5, warmup_scale_min: 0, T_0: 20, gamma: 1, eta_scal_min: 0, eta_scal_max: 1}}
""",
    "sequential": f"""\
{HEAD}scheduler:
  type: SequentialLR
  milestones: [5]
  schedulers:
  - {{type: LinearLR, start_factor: 0.01, total_iters: 5}}
  - {{type: CosineAnnealingLR, T_max: 20}}
""",
    "cosine": f"""\
{HEAD}scheduler: {{type: transformers.cosine, num_warmup_steps: 5, num_training_steps: 25}}
""",
}
NEARLY = ("--rtol", "1e-9", "--atol", "1e-15")
FALL = [0.1 * (1 + cos(pi * row / 20)) / 2 for row in range(20)]
BY_HAND = {
    # Row 0 is the base LR, which no update of this loop uses; in row 25 the next cycle has begun.
    "ours": [0.1, 0.02, 0.04, 0.06, 0.08, *FALL, 0.1],
    "sequential": [0.001, 0.0208, 0.0406, 0.0604, 0.0802, *FALL, 0.0],
    "cosine": [0.0, 0.02, 0.04, 0.06, 0.08, *FALL, 0.0],
}


@pytest.fixture(autouse=True)
def three_files(in_an_empty_folder: Path) -> None:
    for name, text in FILES.items():
        (in_an_empty_folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def trace_of(name: str) -> Trace:
    return dry_run(load_schedule(f"{name}.yaml"))


def compared(*arguments: str) -> Any:
    result = run("compare", *(f"{name}.yaml" for name in FILES), "--json", "--dpi", "60", *arguments)
    assert result.code == 0, result.err
    return json.loads(result.out)


@pytest.mark.parametrize("name", FILES)
def test_each_is_what_it_is_by_hand(name: str) -> None:
    assert trace_of(name).lr[:, 0].tolist() == pytest.approx(BY_HAND[name], rel=1e-12, abs=1e-17)


@pytest.mark.parametrize("name", FILES)
def test_each_warms_up_through_row_five(name: str) -> None:
    assert trace_of(name).warmup_end(0) == 5


def test_only_ours_restarts_after_the_last_update_of_the_cycle() -> None:
    assert {name: trace_of(name).restarts(0).tolist() for name in FILES} == {
        "ours": [25],
        "sequential": [],
        "cosine": [],
    }


def test_compare_tells_how_many_rows_differ_from_ours_and_where_most() -> None:
    pairs = compared(*NEARLY)["pairs"]
    differing = {pair["other"]: pair["groups"][0] for pair in pairs}
    assert differing["sequential"]["steps_differing"] == len([0, 1, 2, 3, 4, 25])
    assert differing["sequential"]["largest_absolute"] == {"value": pytest.approx(0.1), "step": 25}
    assert differing["cosine"]["steps_differing"] == len([0, 25])
    assert differing["cosine"]["largest_absolute"] == {"value": pytest.approx(0.1), "step": 0}
    assert [pair["equal"] for pair in pairs] == [False, False]


def test_bit_for_bit_torch_differs_after_the_warm_up_too_as_it_computes_each_lr_from_the_one_before() -> None:
    ours, sequential, cosine = (trace_of(name).lr[6:25, 0] for name in FILES)
    assert (ours != sequential).sum() > 5
    assert (ours != cosine).sum() <= 2  # the same formula, multiplied in another order


def test_compare_tells_that_updates_at_the_same_row_are_one_apart() -> None:
    result = run("compare", *(f"{name}.yaml" for name in FILES), "--dpi", "60")
    for name in ("sequential", "cosine"):
        assert (
            f"{name}: loop optimizer-first, but ours: scheduler-first; rows of the same step are compared, "
            "whose updates are one apart."
        ) in result.out


def test_the_updates_get_these_lrs() -> None:
    used = {name: trace_of(name).lr[trace_of(name).updates, 0].tolist() for name in FILES}
    # Update 1 of transformers is lost, and the peak is update 5 of ours, but update 6 of the others.
    assert [used[name][0] for name in FILES] == pytest.approx([0.02, 0.001, 0.0])
    assert [used[name].index(max(used[name])) + 1 for name in FILES] == [5, 6, 6]
    # Half a cosine over n rows sums to (n + 1) / 2 peaks; ours makes one update more at the restart.
    assert sum(used["cosine"]) == pytest.approx(0.02 * (1 + 2 + 3 + 4) + 0.1 * 10.5)
    assert sum(used["sequential"]) == pytest.approx(0.001 + 0.0208 + 0.0406 + 0.0604 + 0.0802 + 0.1 * 10.5)
    assert sum(used["ours"]) == pytest.approx(0.02 * (1 + 2 + 3 + 4) + 0.1 * 10.5 + 0.1)


def test_compare_sums_over_the_updates_of_each_loop() -> None:
    sums = [one["groups"][0]["sum"] for one in compared()["traces"]]
    assert sums == pytest.approx([1.35, 1.253, 1.25])


def test_compare_tells_which_settings_make_the_difference() -> None:
    settings = {one["key"]: one["values"] for one in compared()["settings"]}
    assert settings["loop"] == {
        "ours": "scheduler-first",
        "sequential": "optimizer-first",
        "cosine": "optimizer-first",
    }
    assert settings["scheduler.type"] == {
        "ours": "LRScheduler",
        "sequential": "SequentialLR",
        "cosine": "transformers.cosine",
    }
    assert settings["scheduler.schedulers.0.start_factor"]["sequential"] == 0.01
    assert settings["scheduler.num_warmup_steps"]["cosine"] == 5
