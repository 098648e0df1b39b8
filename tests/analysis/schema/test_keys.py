"""Every setting of a file by its key, and that each key is one that ``--set`` takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsched_cli import load_schedule
from lrsched_cli.analysis.schema.document import schedule_schema
from lrsched_cli.analysis.schema.keys import Setting, settings_of
from lrsched_cli.core.sources import read_source

SCHEMA = schedule_schema()


def settings(text: str) -> dict[str, Setting]:
    Path("s.yaml").write_text(text)
    return {one.key: one for one in settings_of(SCHEMA, read_source("s.yaml").root.plain())}


def test_keys_are_those_of_the_optimizer_the_scheduler_and_the_groups_of_the_file() -> None:
    found = settings("""
optimizer: {type: SGD, lr: 0.5, momentum: 0.9}
param_groups: [{name: big head, lr: 0.1}, {name: b}]
scheduler: {type: OneCycleLR, max_lr: 2, total_steps: 9}
""")
    assert {
        "steps",
        "loop",
        "optimizer.nesterov",
        "scheduler.max_lr",
        "param_groups.big head.momentum",
    } <= found.keys()
    assert (
        not {"extends", "scheduler.T_0", "optimizer.betas", "param_groups.0.lr", "param_groups"}
        & found.keys()
    )
    assert found["optimizer.momentum"].values == ("0.9",)
    assert found["param_groups.b.momentum"].values == ("0",)
    assert found["scheduler.anneal_strategy"].values == ("cos", "linear")
    assert found["optimizer.nesterov"].values == ("true", "false")


def test_keys_reach_into_the_parts_of_a_scheduler() -> None:
    found = settings(Path(str(shipped("llama-7b"))).read_text())
    assert found["scheduler.schedulers.1.T_max"].values == ("248000",)
    assert found["scheduler.schedulers.0.start_factor"].values == ("0.0005",)
    assert "scheduler.schedulers.1.start_factor" not in found


def shipped(name: str) -> Path:
    from lrsched_cli.core.shipped import shipped_path  # noqa: PLC0415 - beside its one use

    path = shipped_path(name)
    assert path is not None
    return path


def test_a_group_with_a_schedule_of_its_own_has_its_settings() -> None:
    found = settings("param_groups: [{name: a, scheduler: {T_0: 5}}, {name: b}]\n")
    assert found["param_groups.a.scheduler.T_0"].values == ("5",)
    assert found["param_groups.a.scheduler.gamma"].values == ("0.97",)
    assert found["param_groups.b.scheduler"].values == ("null",)


def test_without_a_file_they_are_those_of_a_schedule_that_states_none() -> None:
    found = {one.key: one for one in settings_of(SCHEMA, None)}
    assert found["scheduler.warmup_type"].values == ("linear", "cosine")
    assert {"optimizer.betas", "scheduler.T_0"} <= found.keys()


def test_every_setting_of_a_file_in_other_units_can_be_set_to_what_it_is() -> None:
    found = settings(
        "steps: {epochs: 9, dataset_size: 1000, tokens_per_sample: 3}\n"
        "batch_size: {per_device: 4, devices: 2}\nscheduler: {warmup_steps: 1ep, T_0: 20%}\n"
    )
    assert found["scheduler.T_0"].values == ("20%",)
    for one in found.values():
        if len(one.values) == 1 and one.key != "param_groups":
            load_schedule("s.yaml", overrides=[f"{one.key}={one.values[0]}"])


def test_a_length_in_other_units_has_its_keys() -> None:
    found = settings("{steps: {epochs: 9, dataset_size: 100}, batch_size: 8}\n")
    assert {"steps.epochs", "steps.dataset_size", "steps.drop_last"} <= found.keys()
    assert "steps" not in found
    assert found["steps.epochs"].values == ("9",)
    assert found["steps.tokens"].values == ()
    assert settings("steps: 9ep\n")["steps"].values == ("9ep",)


@pytest.mark.parametrize("name", ["default", "llama-7b", "per-group", "growing-batch", "super-convergence"])
def test_every_setting_can_be_set_to_what_it_is(name: str) -> None:
    data = read_source(name).root.plain()
    for one in settings_of(SCHEMA, data):
        current = [value for value in one.values if len(one.values) == 1]
        if current and one.key != "param_groups":
            load_schedule(name, overrides=[f"{one.key}={current[0]}"])
