"""What practitioners really write, and what no rule should take for a mistake."""

from __future__ import annotations

import pytest
from schedule_files import codes_in

BY_EPOCH = "step_every: epoch\nsteps_per_epoch: 100\nloop: optimizer-first\noptimizer: {type: SGD, lr: 0.1}\n"
FORMULA = 'steps: 3000\nscheduler: {{type: LambdaLR, lr_lambda: "{}"}}\n'
OWN = "loop: scheduler-first\nscheduler: "


@pytest.mark.parametrize(
    "scheduler",
    [
        "{type: CosineAnnealingLR, T_max: 10}",
        "{type: CosineAnnealingWarmRestarts, T_0: 5}",
        "{type: CosineAnnealingWarmRestarts, T_0: 10}",
        "{type: OneCycleLR, max_lr: 0.1, total_steps: 10}",
        "{type: PolynomialLR, total_iters: 10, power: 2}",
        "{type: ExponentialLR, gamma: 0.4}",
        "{type: CyclicLR, base_lr: 0.01, max_lr: 0.1, step_size_up: 4, cycle_momentum: false}",
        "{warmup_steps: 1, T_0: 5}",
    ],
)
def test_a_curve_that_is_steep_all_along_has_no_jump(scheduler: str) -> None:
    assert "LRS091" not in codes_in(f"steps: 1000\n{BY_EPOCH}scheduler: {scheduler}\n")


@pytest.mark.parametrize(
    "scheduler",
    [
        "{type: ReduceLROnPlateau, factor: 0.1, patience: 5, metric: '1.0'}",
        (
            "{type: transformers.cosine_with_restarts, num_cycles: 3, num_warmup_steps: 100,"
            " num_training_steps: 3000}"
        ),
        (
            "{type: SequentialLR, milestones: [100, 2000], schedulers: [{type: LinearLR, start_factor: 0.01,"
            " total_iters: 100}, {type: CosineAnnealingWarmRestarts, T_0: 500}, {type: ConstantLR}]}"
        ),
        (
            "{type: SequentialLR, milestones: [1000, 2000], schedulers:"
            " [{type: CosineAnnealingLR, T_max: 1000}, {type: CosineAnnealingLR, T_max: 1000},"
            " {type: CosineAnnealingLR, T_max: 1000}]}"
        ),
        "{type: MultiplicativeLR, lr_lambda: '0.1 if step == 1000 else 1'}",
        "{type: LambdaLR, lr_lambda: '0.1 ** (step // 1000)'}",
        "{type: LambdaLR, lr_lambda: '0.5 * (1 + cos(pi * (step % 1000) / 1000))'}",
    ],
)
def test_drops_and_restarts_that_the_file_asks_for_are_no_jumps(scheduler: str) -> None:
    assert "LRS091" not in codes_in(
        f"steps: 3000\noptimizer: {{type: SGD, lr: 0.1}}\nscheduler: {scheduler}\n"
    )


@pytest.mark.parametrize(
    "scheduler",
    [
        "{type: StepLR, step_size: 1000, gamma: 0.97}",
        (
            "{type: SequentialLR, milestones: [500], schedulers: [{type: LambdaLR, lr_lambda: 'step / 500'},"
            " {type: CosineAnnealingLR, T_max: 99500}]}"
        ),
        (
            "{type: SequentialLR, milestones: [501], schedulers: [{type: LinearLR, start_factor: 0.01,"
            " total_iters: 500}, {type: CosineAnnealingLR, T_max: 99499}]}"
        ),
    ],
)
def test_a_short_step_size_and_a_first_part_are_no_epochs(scheduler: str) -> None:
    assert "LRS122" not in codes_in(
        f"steps: 100000\noptimizer: {{type: SGD, lr: 0.1}}\nscheduler: {scheduler}\n"
    )


@pytest.mark.parametrize(
    "scheduler",
    [
        f"{OWN}{{warmup_steps: 100, T_0: 300, eta_scal_min: 1, eta_scal_max: 1}}",
        f"{OWN}{{warmup_steps: 100, T_0: 10000, eta_scal_min: 1, eta_scal_max: 1}}",
        f"{OWN}{{warmup_steps: 100, T_0: 300, eta_scal_min: 2, eta_scal_max: 1}}",
        "optimizer: {lr: 1e-3}\nscheduler: {type: CosineAnnealingWarmRestarts, T_0: 300, eta_min: 1e-3}",
    ],
)
def test_a_cycle_that_does_not_fall_is_not_cut_off(scheduler: str) -> None:
    assert not codes_in(f"steps: 1000\n{scheduler}\n") & {"LRS031", "LRS041", "LRS053"}


def test_a_list_of_groups_may_state_the_lr_of_each() -> None:
    text = (
        "steps: 999\noptimizer: {lr: 1e-3}\nparam_groups: [{name: a, lr: 1e-3, match: ['a*']},"
        f" {{name: b, lr: 3e-3}}]\n{OWN}{{warmup_steps: 100, T_0: 900}}\n"
    )
    assert not codes_in(text) & {"LRS111", "LRS114"}
