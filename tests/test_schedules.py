"""Every shipped schedule is an example that runs, says what it is for, and has its picture in the gallery.

What those of published runs say is held against their sources in test_published_schedules.py.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from lrsched_cli import __version__, dry_run, load_schedule
from lrsched_cli.analysis.forecast.forecasting import forecast
from lrsched_cli.core.families import own
from lrsched_cli.core.matching import match_parameters
from lrsched_cli.core.shipped import shipped_names
from lrsched_cli.report.forecast_figure import forecast_caption

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "schedules").glob("*.yaml"))
GALLERY = ROOT / "outputs" / "gallery"
AT_MOST = 3000
RESUMED = "resume-vision"
GROUPS = "groups-vit"

OURS = [
    file
    for file in FILES
    if "type" not in yaml.safe_load(file.read_text(encoding="utf-8")).get("scheduler", {})
]

every_schedule = pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
every_schedule_of_ours = pytest.mark.parametrize("file", OURS, ids=[file.stem for file in OURS])


def test_every_file_can_be_given_by_its_name() -> None:
    assert shipped_names() == tuple(file.stem for file in FILES)
    assert "default" in shipped_names()


@every_schedule
def test_it_is_named_as_its_file_and_described_in_a_line(file: Path) -> None:
    schedule = load_schedule(file.stem)
    assert schedule.name == file.stem
    assert schedule.description
    assert schedule.fingerprint == load_schedule(file).fingerprint


@every_schedule_of_ours
def test_it_steps(file: Path) -> None:
    schedule = load_schedule(file)
    steps = min(schedule.total_steps, AT_MOST)
    trace = dry_run(schedule, steps)
    assert trace.steps == steps
    assert trace.groups == tuple(group.name for group in schedule.param_groups)
    assert (trace.lr >= 0).all()
    assert len(np.unique(trace.lr[:, 0])) > steps / 4


@every_schedule
def test_it_says_at_its_top_what_situation_it_is_for(file: Path) -> None:
    comment = re.match(r"(#.*\n)+", file.read_text(encoding="utf-8"))
    assert comment is not None
    assert len(comment[0].split()) > 15


@every_schedule_of_ours
def test_a_warm_up_holds_from_the_first_update_on_and_the_file_says_why(file: Path) -> None:
    schedule = load_schedule(file)
    if not any(own.parameters_of(schedule, group).warmup_steps for group in schedule.param_groups):
        assert schedule.loop == "optimizer-first"
        return
    assert schedule.loop == "scheduler-first"
    reason = re.search(r"(#.*\n)*loop: scheduler-first *(#.*)?\n", file.read_text(encoding="utf-8"))
    assert reason is not None
    assert re.search("#.*(warm-up|base LR)", reason[0])


@every_schedule_of_ours
def test_its_patterns_put_each_of_its_shapes_into_the_group_that_lists_it(file: Path) -> None:
    schedule = load_schedule(file)
    listed = [
        list(group.shapes) or [f"parameter {index}"] for index, group in enumerate(schedule.param_groups)
    ]
    assert match_parameters(schedule, chain(*listed)) == listed
    assert match_parameters(schedule, reversed([*chain(*listed)])) == [names[::-1] for names in listed]


@every_schedule
def test_its_picture_in_the_gallery_is_of_this_configuration(file: Path) -> None:
    with Image.open(GALLERY / f"{file.stem}.png") as image:
        assert image.info["Title"] == file.stem
        assert image.info["Description"].split(":")[-1] == load_schedule(file).fingerprint


def test_the_gallery_has_no_other_pictures() -> None:
    others = [RESUMED, GROUPS]
    assert sorted(path.stem for path in GALLERY.iterdir()) == sorted(
        [*(file.stem for file in FILES), *others]
    )


def test_the_resumed_schedule_in_the_gallery_is_what_the_readme_shows() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(# vision.yaml\n.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    (save_at, changes) = re.findall(
        r"^\$ lrsched verify-resume vision.yaml --save-at (\d+) (.*)$", readme, re.MULTILINE
    )[0]
    Path("vision.yaml").write_text(text, encoding="utf-8")
    changed = [word for word in changes.split() if word != "--resume-set"]
    plans = load_schedule("vision.yaml"), load_schedule("vision.yaml", overrides=changed)
    caption = forecast_caption(forecast(*plans, int(save_at)), __version__)
    with Image.open(GALLERY / f"{RESUMED}.png") as image:
        assert image.info["Description"].split(":")[-1] == caption.fingerprint


def test_default_groups_the_layers_of_a_real_model() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    schedule = load_schedule("default")
    optimizer = schedule.build_optimizer(model)
    names = {parameter: name for name, parameter in model.named_parameters()}
    built = [
        (group["name"], group["lr"], {names[one]: tuple(one.shape) for one in group["params"]})
        for group in optimizer.param_groups
    ]
    assert built == [(group.name, group.lr, group.shapes) for group in schedule.param_groups]
    assert [lr for _, lr, _ in built] == [1e-3, 2e-3, 3e-3]
    scheduler = schedule.build_scheduler(optimizer)
    scheduler.step(128)
    assert scheduler.get_last_lr() == dry_run(schedule, 1).lr[1].tolist()
