"""Mistakes in several disguises, and that following the advice makes a finding go away."""

from __future__ import annotations

import re

import pytest
from schedule_files import codes_in, found_in, message, schedule_of

from lrsched_cli import dry_run

OWN = "loop: scheduler-first\nscheduler: "
GROUPS = "param_groups: [{{name: trunk, match: ['t*']{}}}, {{name: head, lr: 1e-5{}}}]\n"


def by_formula(steps: int, formula: str) -> str:
    return f'steps: {steps}\noptimizer: {{lr: 1e-3}}\nscheduler: {{type: LambdaLR, lr_lambda: "{formula}"}}\n'


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (
            (
                "steps: 999\nscheduler: {type: SequentialLR, milestones: [100], schedulers: [{type: LinearLR,"
                " start_factor: 0.01, total_iters: 1000}, {type: CosineAnnealingLR, T_max: 9900}]}\n"
            ),
            "updates 100 and 101",
        ),
        (by_formula(10_000, "0.1 if step < 500 else 1"), "updates 500 and 501"),
        (by_formula(1000, "0.2 if step == 600 else 1 - step / 1000"), "updates 600 and 601"),
        (
            by_formula(3000, "0.5 * (1 + cos(pi * step / 1000)) if step < 1000 else 2"),
            "updates 1,000 and 1,001",
        ),
    ],
)
def test_a_jump_of_parts_that_do_not_fit_is_found(text: str, where: str) -> None:
    assert where in message("LRS091", text)


def test_every_group_that_jumps_elsewhere_is_told() -> None:
    formulas = "['1 if step < 300 else 0.2 - step / 9000', '1 if step < 600 else 0.2 - step / 9000']"
    text = f"steps: 1000\n{GROUPS.format('', '')}scheduler: {{type: LambdaLR, lr_lambda: {formulas}}}\n"
    said = [one.message for one in found_in(text) if one.code == "LRS091"]
    assert [("'head'" in one, "updates 600 and" in one) for one in said] == [(True, True), (False, False)]


def test_a_group_that_warms_up_too_long_is_told_by_its_own_numbers() -> None:
    own = ", scheduler: {warmup_steps: 2000}"
    text = f"steps: 1000\n{GROUPS.format('', own)}{OWN}{{warmup_steps: 100, T_0: 900}}\n"
    said = message("LRS051", text)
    last = dry_run(schedule_of(text)).lr[1000, 1]
    assert said.startswith("the warm-up of group 'head' takes 2,000 steps, the run has 1,000 updates: ")
    assert f"ends at {last:.1e}".replace("e-0", "e-") in said
    assert "55% of the 2e-5 that" in said


def test_a_run_that_ends_with_its_warmup_has_no_annealing() -> None:
    text = f"steps: 500\n{OWN}{{warmup_steps: 500, T_0: 300}}\n"
    assert "ends with its warm-up, at 2e-3" in message("LRS053", text)
    assert "LRS051" not in codes_in(text)


def test_wasted_updates_are_told_stretch_by_stretch() -> None:
    said = message(
        "LRS021", by_formula(1000, "min(step / 100, 1) if step < 900 else max(0, 950 - step) / 50")
    )
    assert said.startswith("51 updates (update 1, updates 951 to 1,000) run at LR 0")
    assert "begin the warm-up above 0 (its first LR above 0 is 1e-5)" in said
    assert "end the run after update 950" in said


def test_wasted_updates_of_one_group_are_told_with_its_name_at_its_formula() -> None:
    text = (
        f"steps: 1000\n{GROUPS.format('', '')}"
        "scheduler: {type: LambdaLR, lr_lambda: ['1 - step / 2000', '0 if step < 300 else 1']}\n"
    )
    (found,) = (one for one in found_in(text) if one.code == "LRS021")
    assert found.message.startswith("300 updates of group 'head' (updates 1 to 300) run at LR 0")
    assert found.key == "scheduler.lr_lambda.1"


def test_what_is_left_of_an_lr_that_was_multiplied_away_is_wasted_too() -> None:
    text = "steps: 1000\noptimizer: {type: SGD, lr: 0.1}\nscheduler: {type: ExponentialLR, gamma: 0.9}\n"
    said = message("LRS021", text)
    assert said.startswith("672 updates (updates 329 to 1,000) run at an LR below 1e-15 of the peak")
    assert "step_every: epoch" not in said
    assert "step_every: epoch" in message("LRS021", text.replace("1000", "10000"))


def test_a_groups_own_formula_is_where_its_negative_lr_comes_from() -> None:
    own = ", scheduler: {custom_lambda: '1 - step / 100'}"
    text = f"steps: 999\n{GROUPS.format('', own)}{OWN}{{warmup_steps: 100, T_0: 900, eta_scal_min: 0}}\n"
    (found,) = (one for one in found_in(text) if one.code == "LRS022")
    assert found.key == "param_groups.head.scheduler.custom_lambda"
    assert "of group 'head'" in found.message


def test_twins_are_twins_whoever_states_the_shared_value() -> None:
    settings = ", weight_decay: 0.01, scheduler: {gamma: 0.9}"
    text = (
        "steps: 999\noptimizer: {type: AdamW, lr: 1e-5, weight_decay: 0.01}\n"
        f"{GROUPS.format(settings, '')}{OWN}{{warmup_steps: 100, T_0: 900, gamma: 0.9}}\n"
    )
    assert "LRS111" in codes_in(text)


def test_a_lost_ratio_is_told_from_where_it_is_lost_first() -> None:
    text = f"steps: 1000\n{GROUPS.format(', lr: 0', '')}".replace(
        "}]", "}, {name: tail, lr: 1e-3, match: ['x*']}]"
    )
    text += "scheduler: {type: OneCycleLR, max_lr: 1e-2, total_steps: 1000}\n"
    assert "starts from 100 × the LR of 'head', and is at 1 × at update 1 (" in message("LRS113", text)


@pytest.mark.parametrize(
    ("text", "code", "advice"),
    [
        (
            by_formula(1000, "0.5 * (1 + cos(pi * step / 850)) + 0.01"),
            "LRS092",
            r"end the run at update (\d+)",
        ),
        (
            (
                "steps: 3800\noptimizer: {type: SGD, lr: 0.1}\nscheduler: {type: CyclicLR, base_lr: 0.01,"
                " max_lr: 0.1, step_size_up: 1300, cycle_momentum: false}\n"
            ),
            "LRS092",
            r"end the run at update ([\d,]+)",
        ),
        (f"steps: 20010\n{OWN}{{warmup_steps: 0, T_0: 10, T_mult: 1}}\n", "LRS042", r"T_0: (\d+)$"),
    ],
)
def test_following_the_advice_helps(text: str, code: str, advice: str) -> None:
    found = re.search(advice, message(code, text))
    assert found is not None
    key = "steps" if code == "LRS092" else "scheduler.T_0"
    assert not codes_in(text, f"{key}={found[1].replace(',', '')}") & {code, "LRS032"}


@pytest.mark.parametrize("cause", ["gamma: 0.6", "gamma: 0.97\nbatch_size: 1024"])
def test_a_mean_that_the_range_does_not_explain_gets_no_other_range(cause: str) -> None:
    gamma, _, more = cause.partition("\n")
    text = f"steps: 3099\n{more}\n{OWN}{{warmup_steps: 100, T_0: 300, T_mult: 1, {gamma}}}\n"
    said = message("LRS101", text)
    assert "it is not the range alone" in said
    assert ("the batch factor" in said) is bool(more)
    assert "eta_scal_min" not in said


def test_growing_without_end_is_told_once() -> None:
    text = f"steps: 5000\n{OWN}{{warmup_steps: 0, T_0: 2, T_mult: 1, gamma: 2}}\n"
    assert codes_in(text) & {"LRS022", "LRS082", "LRS091", "LRS101"} == {"LRS022", "LRS082"}


def test_from_where_on_the_batch_lifts_the_lr_of_a_long_run() -> None:
    text = f"steps: 100000\nbatch_size: 256\n{OWN}{{warmup_steps: 10000, T_0: 90001}}\n"
    assert "from update 5,001 on" in message("LRS071", text)


def test_epochs_and_steps_per_epoch_are_told_as_their_product() -> None:
    cycle = "{type: OneCycleLR, max_lr: 0.1, epochs: 10, steps_per_epoch: 100}"
    text = f"steps: 900\noptimizer: {{type: SGD, lr: 0.1}}\nscheduler: {cycle}\n"
    assert "epochs × steps_per_epoch is 1,000, and" in message("LRS123", text)
    assert message("LRS124", text.replace("900", "1200")).endswith("epochs × steps_per_epoch: 1200 fits")
