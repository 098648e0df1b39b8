"""Counts of steps in other units, wherever a schedule file takes a count of steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrsched_cli.analysis.trace import dry_run
from lrsched_cli.core.config import Schedule, load_schedule
from lrsched_cli.core.families.arguments import counts_steps
from lrsched_cli.core.families.torch_optim import TorchFamily
from lrsched_cli.core.families.transformers import TransformersFamily
from lrsched_cli.core.sources import read_source
from lrsched_cli.errors import ScheduleFileError

IMAGENET = "steps: {epochs: 90, dataset_size: 1281167, drop_last: true}\nbatch_size: 8192\n"  # 156 updates
TOKENS = "steps: {tokens: 300Btok, tokens_per_sample: 2048}\nbatch_size: 1600\n"


def loaded(text: str, *overrides: str, trust: bool = False) -> Schedule:
    Path("s.yaml").write_text(text, encoding="utf-8")
    return load_schedule("s.yaml", overrides=overrides, trust=trust)


def problems(text: str, *overrides: str) -> list[str]:
    with pytest.raises(ScheduleFileError) as caught:
        loaded(text, *overrides)
    return [str(problem) for problem in caught.value.problems]


def scheduler(text: str) -> dict[str, Any]:
    schedule = loaded(text)
    return schedule.family.settings(schedule)


def test_the_run_of_a_paper() -> None:
    # Goyal et al. 2017: 156 whole batches of 8,192 are an epoch of ImageNet.
    schedule = loaded(f"{IMAGENET}scheduler: {{warmup_steps: 5ep, T_0: 85ep}}\n")
    assert schedule.steps == 90 * 156
    settings_ = schedule.family.settings(schedule)
    assert (settings_["warmup_steps"], settings_["T_0"]) == (5 * 156, 85 * 156)


def test_a_run_in_tokens_ends_with_the_update_that_reaches_them() -> None:
    schedule = loaded(f"{TOKENS}scheduler: {{warmup_steps: 375Mtok, T_0: 100%}}\n")
    assert schedule.steps == -(-300 * 10**9 // (1600 * 2048)) == 91_553
    settings_ = schedule.family.settings(schedule)
    assert (settings_["warmup_steps"], settings_["T_0"]) == (115, 91_553)


@pytest.mark.parametrize(
    ("length", "updates"),
    [
        ("{updates: 1000}", 1000),
        ("{samples: 1_000_000}", 123),
        ("{samples: 1Msa}", 123),
        ("{samples: 1e6, rounding: down}", 122),
        ("1_000_000sa", 123),
        ("{epochs: 0.5, dataset_size: 1281167, drop_last: true}", 78),
        ("{epochs: 2.5ep, dataset_size: 1281167, drop_last: true}", 390),
        ("{epochs: 1, dataset_size: 1281167}", 157),
        ("{tokens: 819_200, tokens_per_sample: 10}", 10),
    ],
)
def test_the_length_of_a_run_in_any_unit(length: str, updates: int) -> None:
    assert loaded(f"steps: {length}\nbatch_size: 8192\n").steps == updates


GROWING = "batch_size: [{until: 1ep, size: 10}, {size: 20}]\n"
WSD = "transformers.warmup_stable_decay"
NESTED = """\
scheduler:
  type: SequentialLR
  schedulers:
    - {type: LinearLR, start_factor: 0.1, total_iters: 5ep}
    - type: ChainedScheduler
      schedulers:
        - {type: MultiStepLR, milestones: [30ep, 60ep, 80ep]}
        - {type: CosineAnnealingLR, T_max: 50%}
  milestones: [5ep]
"""


def test_schedulers_of_schedulers_are_counted_too() -> None:
    section = loaded(IMAGENET + NESTED).scheduler.model_dump()
    assert section["milestones"] == [780]
    warmup, (chained,) = section["schedulers"][0], section["schedulers"][1:]
    assert warmup["total_iters"] == 780
    assert chained["schedulers"][0]["milestones"] == [4680, 9360, 12480]
    assert chained["schedulers"][1]["T_max"] == 7020


@pytest.mark.parametrize(
    ("stated", "key", "value"),
    [
        ("type: OneCycleLR, max_lr: 1.0, total_steps: 100%", "total_steps", 14_040),
        ("type: OneCycleLR, max_lr: 1.0, epochs: 90, steps_per_epoch: 1ep", "steps_per_epoch", 156),
        ("type: StepLR, step_size: 30ep", "step_size", 4680),
        ("type: CosineAnnealingWarmRestarts, T_0: 10ep", "T_0", 1560),
        (
            "type: CyclicLR, base_lr: 0.1, max_lr: 1.0, step_size_up: 2ep, step_size_down: 3ep",
            "step_size_down",
            468,
        ),
        ("type: SWALR, swa_lr: 0.1, anneal_epochs: 10%", "anneal_epochs", 1404),
        ("type: ReduceLROnPlateau, patience: 1ep, metric: '1'", "patience", 156),
        (
            "type: transformers.cosine, num_warmup_steps: 5%, num_training_steps: 100%",
            "num_warmup_steps",
            702,
        ),
        (
            f"type: {WSD}, num_warmup_steps: 5, num_decay_steps: 1, num_stable_steps: 3ep",
            "num_stable_steps",
            468,
        ),
    ],
)
def test_every_whole_number_argument_that_counts_steps(stated: str, key: str, value: int) -> None:
    assert scheduler(f"{IMAGENET}scheduler: {{{stated}}}\n")[key] == value


def test_no_multiplier_and_no_rate_of_a_library_counts_steps() -> None:
    counting = {
        key
        for family in (TorchFamily(), TransformersFamily())
        for kind in family.names()
        for key, argument in family.signature(kind, {}).arguments.items()
        if counts_steps(argument)
    }
    assert {"T_0", "T_max", "milestones", "step_size", "total_iters", "total_steps", "patience"} <= counting
    assert {"num_warmup_steps", "num_training_steps", "anneal_epochs", "steps_per_epoch"} <= counting
    assert counting.isdisjoint(
        {
            "T_mult",
            "num_cycles",
            "epochs",
            "lr_lambda",
            "gamma",
            "power",
            "eta_min",
            "factor",
            "max_lr",
            "lr_end",
        }
    )
    assert counting.isdisjoint({"pct_start", "base_lr", "min_lr", "threshold", "swa_lr", "div_factor", "eps"})


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        (
            "type: CosineAnnealingWarmRestarts, T_0: 1ep, T_mult: 2ep",
            's.yaml:3:66: scheduler.T_mult: must be a whole number (got "2ep")',
        ),
        (
            "type: OneCycleLR, max_lr: 1.0, total_steps: 9, pct_start: 30%",
            's.yaml:3:71: scheduler.pct_start: must be a number (got "30%")',
        ),
        (
            "type: OneCycleLR, max_lr: 1.0, epochs: 3ep, steps_per_epoch: 1ep",
            's.yaml:3:52: scheduler.epochs: must be a whole number or null (got "3ep")',
        ),
        ("gamma: 5ep", 's.yaml:3:20: scheduler.gamma: must be a number above 0 (got "5ep")'),
        (
            "base_batch_size: 64sa",
            "s.yaml:3:30: scheduler.base_batch_size: must be a whole number, 1 or more",
        ),
    ],
)
def test_what_counts_no_steps_takes_no_unit(stated: str, problem: str) -> None:
    (found,) = problems(f"{IMAGENET}scheduler: {{{stated}}}\n")
    assert found.startswith(problem)


def test_arguments_of_ones_own_class_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path.cwd()))
    Path("mine_counts.py").write_text(
        "from torch.optim.lr_scheduler import StepLR\n"
        "class Mine(StepLR):\n"
        "    def __init__(self, optimizer, every):\n"
        "        super().__init__(optimizer, every)\n"
    )
    schedule = loaded(f"{IMAGENET}scheduler: {{type: 'mine_counts:Mine', every: 30ep}}\n", trust=True)
    assert schedule.family.settings(schedule)["every"] == 4680


def test_a_formula_is_no_count() -> None:
    assert loaded(f"{IMAGENET}scheduler: {{type: LambdaLR, lr_lambda: '0xff'}}\n").written_counts.keys() == {
        ("steps",)
    }
    (problem,) = problems(f"{IMAGENET}scheduler: {{type: LambdaLR, lr_lambda: 2pi}}\n")
    assert "no count of steps" not in problem


def test_a_groups_own_schedule_is_counted() -> None:
    groups = "param_groups: [{name: a}, {name: b, scheduler: {warmup_steps: 1ep, T_0: 8192sa}}]\n"
    own = loaded(IMAGENET + groups).param_groups[1].scheduler
    assert own is not None
    assert (own.warmup_steps, own.T_0) == (156, 1)


def test_overrides_take_units() -> None:
    schedule = loaded(IMAGENET, "scheduler.T_0=10ep", "steps.epochs=30")
    assert (schedule.steps, schedule.family.settings(schedule)["T_0"]) == (30 * 156, 1560)
    assert problems(IMAGENET, "scheduler.T_0=10epochs")[0].startswith(
        "--set:1:15: scheduler.T_0: is no count"
    )


def test_an_alias_is_counted_at_each_of_its_places() -> None:
    plan = "batch_size: [{until: &five 5ep, size: 8192}, {size: 8192}]\n"
    schedule = loaded(f"{IMAGENET.splitlines()[0]}\n{plan}scheduler: {{warmup_steps: *five, T_0: *five}}\n")
    settings_ = schedule.family.settings(schedule)
    assert (schedule.batch_size[0].until, settings_["warmup_steps"], settings_["T_0"]) == (780, 780, 780)
    assert len(schedule.written_counts) == 4


def test_a_batch_plan_in_epochs_and_samples_is_resolved_before_the_length() -> None:
    schedule = loaded(
        "steps: {epochs: 3, dataset_size: 1000}\n"
        "batch_size: [{until: 1ep, size: 10}, {until: 1500sa, size: 20}, {size: 50}]\n"
    )
    assert [phase.until for phase in schedule.batch_size] == [100, 125, None]
    assert schedule.steps == 100 + 25 + 10 + 20


def test_a_phase_that_would_end_before_it_begins_is_refused() -> None:
    plan = "batch_size: [{until: 50sa, size: 10}, {until: 20sa, size: 10}, {size: 5}]\n"
    (problem,) = problems(plan)
    assert problem.endswith("batch_size.1.until: must be above 5, where the phase before ends (got 2)")


def test_a_share_in_the_batch_plan_needs_a_length_in_updates() -> None:
    plan = "batch_size: [{until: 10%, size: 10}, {size: 20}]\n"
    assert loaded(f"steps: 500\n{plan}").batch_size[0].until == 50
    assert loaded(f"steps: {{updates: 500, dataset_size: 9}}\n{plan}").batch_size[0].until == 50
    (problem,) = problems(f"steps: {{samples: 500}}\n{plan}")
    assert problem.startswith(
        "s.yaml:2:22: batch_size.0.until: 10% of a run whose length is not known by then"
    )


def test_the_clock_knows_the_updates_of_an_epoch() -> None:
    schedule = loaded(f"step_every: epoch\n{IMAGENET}scheduler: {{warmup_steps: 5ep, T_0: 50%}}\n")
    assert (schedule.steps, schedule.steps_per_epoch) == (14_040, 156)
    settings_ = schedule.family.settings(schedule)
    assert (settings_["warmup_steps"], settings_["T_0"]) == (5, 45)
    assert loaded(f"step_every: epoch\nsteps_per_epoch: 1ep\n{IMAGENET}").steps_per_epoch == 156


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"step_every: epoch\nsteps_per_epoch: 157\n{IMAGENET}",
            "s.yaml:2:18: steps_per_epoch: is 157, but by data set and batch plan an epoch has 156 updates",
        ),
        (
            f"step_every: epoch\nsteps: {{epochs: 3, dataset_size: 100}}\n{GROWING}",
            "s.yaml:1:13: step_every: is for epochs of one length; by the batch plan they have 5 and 10 ",
        ),
        (
            "steps: 5ep\nbatch_size: 8\n",
            "s.yaml:1:8: steps: 5ep needs the size of the data set; say it in steps: {epochs: 90, dataset_",
        ),
        ("steps: 50%\n", "s.yaml:1:8: steps: must say how long the run is, which 50% of it does not"),
        (
            "steps: 5 epochs\n",
            "s.yaml:1:8: steps: is no count of steps; write a whole number of steps, or 5ep",
        ),
        (
            "steps: {epochs: 5, updates: 3}\nbatch_size: 2\n",
            "s.yaml:1:8: steps: gives both epochs and updates; give one of epochs, updates, samples, tokens",
        ),
        ("steps: {dataset_size: 3}\n", "s.yaml:1:8: steps: says no length; give one of epochs, updates"),
        ("steps: {epoch: 3}\n", "s.yaml:1:9: steps.epoch: is no known key; did you mean epochs?"),
        (
            "steps: {updates: 3, rounding: upwards}\n",
            's.yaml:1:31: steps.rounding: must be up or down or nearest or exact (got "upwards")',
        ),
        (
            "steps: {updates: 3, drop_last: 1}\n",
            "s.yaml:1:32: steps.drop_last: must be true or false (got 1)",
        ),
        (
            "steps: {epochs: 3tok, dataset_size: 5}\nbatch_size: 2\n",
            's.yaml:1:17: steps.epochs: must be a number above 0, or one with the unit ep (got "3tok")',
        ),
        (
            "steps: {epochs: 3, dataset_size: 7, drop_last: true}\nbatch_size: 8\n",
            "s.yaml:2:13: batch_size: an epoch of 7 samples has no update of 8: all are dropped",
        ),
        (
            "steps: {samples: 1e9}\nbatch_size: 2\n",
            "s.yaml:1:8: steps: 1000000000sa come to 500,000,000 updates; a dry run has 10,000,000 at most",
        ),
        (
            "scheduler: {T_0: 0ep}\n" + IMAGENET,
            "s.yaml:1:18: scheduler.T_0: must be a whole number, 1 or more",
        ),
        (
            f"{IMAGENET}scheduler: {{type: MultiStepLR, milestones: [5ep, 3x, 10%]}}\n",
            "s.yaml:3:50: scheduler.milestones.1: is no count of steps",
        ),
        (
            f"{IMAGENET}scheduler: {{T_0: .5ep}}\n",
            "s.yaml:3:18: scheduler.T_0: lacks the digit before the point; write 0.5ep",
        ),
        (
            IMAGENET.replace("8192", "0") + "scheduler: {T_0: 5ep}\n",
            "s.yaml:2:13: batch_size: must be a whole number, 1 or more (got 0)",
        ),
        (
            "steps: {epochs: 1, dataset_size: 99, rounding: down}\nbatch_size: 8\nscheduler: {T_0: 5sa}\n",
            "s.yaml:3:18: scheduler.T_0: 5sa is rounded to 0 steps; it must be 1 or more",
        ),
        (
            "steps: {epochs: 1, dataset_size: 99}\nbatch_size: [{until: 50%, size: 8}, 9]\n",
            "s.yaml:2:22: batch_size.0.until: 50% of a run whose length is not known by then, since the ",
        ),
        ("scheduler: {T_0: 8sa}\n", "s.yaml:1:18: scheduler.T_0: 8sa needs a batch size; give batch_size"),
        (
            f"{IMAGENET.replace('true', 'true, rounding: exact')}scheduler: {{T_0: 0.7%}}\n",
            "s.yaml:3:18: scheduler.T_0: 0.7% falls between steps 98 and 99, and rounding is exact",
        ),
    ],
)
def test_a_mistake_is_told_once_and_at_its_place(text: str, expected: str) -> None:
    (found,) = problems(text)
    assert found.startswith(expected)


def test_what_hangs_on_a_mistake_is_not_told_as_one_more() -> None:
    text = (
        "step_every: epoch\nsteps: {epochs: 5, dataset_size: big}\n"
        "batch_size: [{until: 2ep, size: 0}, {size: 2}]\n"
        "scheduler: {warmup_steps: 1ep, T_0: 10%}\n"
    )
    assert [problem.split(": ")[1] for problem in problems(text)] == [
        "steps.dataset_size",
        "batch_size.0.size",
    ]


def test_an_inherited_length_gives_way_to_ones_own() -> None:
    Path("base.yaml").write_text(IMAGENET)
    schedule = loaded("extends: base.yaml\nsteps: {updates: 312}\nscheduler: {T_0: 1ep}\n")
    assert (schedule.steps, schedule.family.settings(schedule)["T_0"]) == (312, 156)


@pytest.mark.parametrize(
    ("base", "own", "merged"),
    [
        ("{epochs: 9, dataset_size: 100}", "5ep", {"epochs": "5ep", "dataset_size": 100}),
        ("{epochs: 9, dataset_size: 100}", "500sa", {"samples": "500sa", "dataset_size": 100}),
        ("{epochs: 9, dataset_size: 100}", "{updates: 5}", {"updates": 5, "dataset_size": 100}),
        ("{epochs: 9, dataset_size: 100}", "{drop_last: yes}", None),
        ("{epochs: 9, dataset_size: 100}", "500", 500),
        ("90ep", "{dataset_size: 100}", {"epochs": "90ep", "dataset_size": 100}),
        ("90ep", "{samples: 7}", {"samples": 7}),
        ("90ep", "{updates: null}", {"epochs": "90ep", "updates": None}),
        ("500", "{dataset_size: 100}", {"updates": 500, "dataset_size": 100}),
        ("90ep", "20ep", "20ep"),
    ],
)
def test_a_length_takes_the_place_of_the_inherited_one_alone(base: str, own: str, merged: object) -> None:
    Path("base.yaml").write_text(f"steps: {base}\n")
    Path("s.yaml").write_text(f"extends: base.yaml\nsteps: {own}\n")
    if merged is None:
        merged = {"epochs": 9, "dataset_size": 100, "drop_last": "yes"}
    assert read_source("s.yaml").root.plain()["steps"] == merged


@pytest.mark.parametrize(
    ("base", "overrides", "merged"),
    [
        ("{epochs: 9, dataset_size: 100}", ["steps.updates=5"], {"updates": 5, "dataset_size": 100}),
        ("{epochs: 9, dataset_size: 100}", ["steps=5ep"], {"epochs": "5ep", "dataset_size": 100}),
        ("{epochs: 9, dataset_size: 7}", ["steps=5ep", "steps.samples=9"], {"samples": 9, "dataset_size": 7}),
        ("{epochs: 9}", ["steps.updates=null"], {"epochs": 9, "updates": None}),
        ("{epochs: 9}", ["steps.drop_last=true"], {"epochs": 9, "drop_last": True}),
        ("{epochs: 9, dataset_size: 100}", ["steps=500"], 500),
        ("{epochs: 9, dataset_size: 100}", ["steps={updates: 5}"], {"updates": 5}),
        ("90ep", ["steps.dataset_size=100"], {"epochs": "90ep", "dataset_size": 100}),
        ("500", ["steps.epochs=3", "steps.dataset_size=100"], {"epochs": 3, "dataset_size": 100}),
        ("500", ["steps=3ep"], "3ep"),
    ],
)
def test_an_override_of_the_length_replaces_the_length_alone(
    base: str, overrides: list[str], merged: object
) -> None:
    Path("s.yaml").write_text(f"steps: {base}\n")
    assert read_source("s.yaml", overrides).root.plain()["steps"] == merged


def test_a_wrong_length_laid_over_another_is_told_of_where_it_stands() -> None:
    assert problems(IMAGENET, "steps=5epochs")[0].startswith("--set:1:7: steps: is no count of steps")
    assert problems(IMAGENET, "steps.updates=-5")[0].startswith("--set:1:15: steps.updates: must be")


def test_numbers_in_place_of_units_are_the_same_schedule() -> None:
    units = loaded(f"{IMAGENET}scheduler: {{warmup_steps: 5ep, T_0: 10%}}\n")
    plain = loaded("steps: 14040\nbatch_size: 8192\nscheduler: {warmup_steps: 780, T_0: 1404}\n")
    assert units.fingerprint == plain.fingerprint
    assert dry_run(units, 20).lr.tobytes() == dry_run(plain, 20).lr.tobytes()


anything: Any = st.recursive(
    st.sampled_from(["5ep", "10%", "2Ktok", "7sa", "5x", "-1ep", "0ep", 5, 0, -1, 2.5, True, None, "word"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["until", "size"]), inner),
    max_leaves=4,
)
mappings = st.fixed_dictionaries(
    {},
    optional={
        "steps": anything
        | st.dictionaries(
            st.sampled_from(["epochs", "updates", "samples", "dataset_size", "tokens_per_sample"]), anything
        ),
        "batch_size": anything
        | st.lists(st.fixed_dictionaries({}, optional={"until": anything, "size": anything})),
        "step_every": st.sampled_from(["epoch", "update", 3]),
        "steps_per_epoch": anything,
        "scheduler": st.fixed_dictionaries(
            {}, optional={"type": anything | st.just("StepLR"), "T_0": anything, "step_size": anything}
        ),
        "param_groups": anything
        | st.lists(st.fixed_dictionaries({"name": st.just("a"), "scheduler": anything})),
    },
)


@given(mappings)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_a_file_of_any_shape_is_a_schedule_without_units_or_an_error(data: dict[str, Any]) -> None:
    try:
        schedule = loaded(json.dumps(data))  # which is YAML
    except ScheduleFileError as error:
        assert error.problems  # noqa: PT017 - either way is right
    else:
        assert schedule.steps is None or isinstance(schedule.steps, int)
        assert all(count.value >= 0 for count in schedule.written_counts.values())
        assert not any(str(one) in repr(schedule) for one in ("'5ep'", "'10%'", "'7sa'"))
