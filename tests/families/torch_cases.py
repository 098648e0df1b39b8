"""Every scheduler class of torch as a file states it and built by hand, each with several settings."""

from __future__ import annotations

import math
from typing import Any

from plain_training import Case
from torch.optim import lr_scheduler as lrs
from torch.optim.swa_utils import SWALR


def _falling_then_flat(step: int) -> float:
    return 1 / min(step, 8)


def _wave(step: int) -> float:
    return 1 + 0.5 * math.sin(step / 3)


def _warm_up(optimizer: Any) -> Any:
    return lrs.LinearLR(optimizer, start_factor=0.1, total_iters=5)


def _sequence_of_three(optimizer: Any) -> Any:
    parts = [
        lrs.ConstantLR(optimizer, factor=0.5, total_iters=4),
        lrs.CosineAnnealingLR(optimizer, T_max=20, eta_min=1e-4),
        lrs.StepLR(optimizer, step_size=7, gamma=0.5),
    ]
    return lrs.SequentialLR(optimizer, parts, milestones=[10, 35])


def _sequence_in_a_sequence(optimizer: Any) -> Any:
    inner = lrs.SequentialLR(
        optimizer, [_warm_up(optimizer), lrs.ExponentialLR(optimizer, gamma=0.9)], milestones=[6]
    )
    after = lrs.ConstantLR(optimizer, factor=0.1, total_iters=100)
    return lrs.SequentialLR(optimizer, [inner, after], milestones=[30])


def _chain_in_a_sequence(optimizer: Any) -> Any:
    chain = lrs.ChainedScheduler(
        [_warm_up(optimizer), lrs.StepLR(optimizer, step_size=9, gamma=0.5)], optimizer=optimizer
    )
    return lrs.SequentialLR(optimizer, [chain, lrs.CosineAnnealingLR(optimizer, T_max=30)], milestones=[25])


WARM_UP = "{type: LinearLR, start_factor: 0.1, total_iters: 5}"

CASES: dict[str, list[Case]] = {
    "LambdaLR": [
        Case(
            "{type: LambdaLR, lr_lambda: 0.5 * (1 + cos(pi * step / 40))}",
            lambda o: lrs.LambdaLR(o, lambda step: 0.5 * (1 + math.cos(math.pi * step / 40))),
        ),
        Case(
            "{type: LambdaLR, lr_lambda: [1 / (step + 1), '1 if step < 20 else 0.1', 0.95 ** step]}",
            lambda o: lrs.LambdaLR(
                o,
                [lambda step: 1 / (step + 1), lambda step: 1 if step < 20 else 0.1, lambda step: 0.95**step],
            ),
        ),
        Case(
            "{type: LambdaLR, lr_lambda: 'min((step + 1) ** -0.5, (step + 1) * 10 ** -1.5)'}",
            lambda o: lrs.LambdaLR(o, lambda step: min((step + 1) ** -0.5, (step + 1) * 10**-1.5)),
        ),
        Case("{type: LambdaLR, lr_lambda: '0'}", lambda o: lrs.LambdaLR(o, lambda _: 0)),
    ],
    "MultiplicativeLR": [
        Case(
            "{type: MultiplicativeLR, lr_lambda: '0.95'}", lambda o: lrs.MultiplicativeLR(o, lambda _: 0.95)
        ),
        Case(
            "{type: MultiplicativeLR, lr_lambda: 1 - 1 / (step + 10)}",
            lambda o: lrs.MultiplicativeLR(o, lambda step: 1 - 1 / (step + 10)),
        ),
        Case(
            "{type: MultiplicativeLR, lr_lambda: ['0.9', 0.5 if step == 20 else 1, '1']}",
            lambda o: lrs.MultiplicativeLR(
                o, [lambda _: 0.9, lambda step: 0.5 if step == 20 else 1, lambda _: 1]
            ),
        ),
    ],
    "StepLR": [
        Case("{type: StepLR, step_size: 7}", lambda o: lrs.StepLR(o, 7)),
        Case("{type: StepLR, step_size: 5, gamma: 0.5}", lambda o: lrs.StepLR(o, 5, 0.5)),
        Case("{type: StepLR, step_size: 1, gamma: 0.97}", lambda o: lrs.StepLR(o, 1, 0.97)),
        Case("{type: StepLR, step_size: 60, gamma: 2}", lambda o: lrs.StepLR(o, 60, 2)),
    ],
    "MultiStepLR": [
        Case("{type: MultiStepLR, milestones: [5, 20]}", lambda o: lrs.MultiStepLR(o, milestones=[5, 20])),
        Case(
            "{type: MultiStepLR, milestones: [0, 1, 2, 59, 60, 61], gamma: 0.5}",
            lambda o: lrs.MultiStepLR(o, [0, 1, 2, 59, 60, 61], gamma=0.5),
        ),
        Case(
            "{type: MultiStepLR, milestones: [10, 10, 30], gamma: 0.3}",
            lambda o: lrs.MultiStepLR(o, [10, 10, 30], gamma=0.3),
        ),
        Case("{type: MultiStepLR, milestones: []}", lambda o: lrs.MultiStepLR(o, [])),
    ],
    "ConstantLR": [
        Case("{type: ConstantLR}", lrs.ConstantLR),
        Case("{type: ConstantLR, factor: 0.3, total_iters: 11}", lambda o: lrs.ConstantLR(o, 0.3, 11)),
        Case("{type: ConstantLR, factor: 1, total_iters: 0}", lambda o: lrs.ConstantLR(o, 1, 0)),
    ],
    "LinearLR": [
        Case("{type: LinearLR}", lrs.LinearLR),
        Case(
            "{type: LinearLR, start_factor: 0.001, total_iters: 17}",
            lambda o: lrs.LinearLR(o, start_factor=1e-3, total_iters=17),
        ),
        Case(
            "{type: LinearLR, start_factor: 1, end_factor: 0, total_iters: 60}",
            lambda o: lrs.LinearLR(o, start_factor=1, end_factor=0, total_iters=60),
        ),
    ],
    "ExponentialLR": [
        Case("{type: ExponentialLR, gamma: 0.9}", lambda o: lrs.ExponentialLR(o, 0.9)),
        Case("{type: ExponentialLR, gamma: 1.03}", lambda o: lrs.ExponentialLR(o, gamma=1.03)),
        Case("{type: ExponentialLR, gamma: 1}", lambda o: lrs.ExponentialLR(o, gamma=1)),
    ],
    "PolynomialLR": [
        Case("{type: PolynomialLR}", lrs.PolynomialLR),
        Case("{type: PolynomialLR, power: 2, total_iters: 40}", lambda o: lrs.PolynomialLR(o, 40, 2)),
        Case("{type: PolynomialLR, power: 0.5, total_iters: 61}", lambda o: lrs.PolynomialLR(o, 61, 0.5)),
    ],
    "CosineAnnealingLR": [
        Case("{type: CosineAnnealingLR, T_max: 60}", lambda o: lrs.CosineAnnealingLR(o, 60)),
        Case(
            "{type: CosineAnnealingLR, T_max: 10, eta_min: 1.0e-3}",
            lambda o: lrs.CosineAnnealingLR(o, T_max=10, eta_min=1e-3),
        ),
        Case("{type: CosineAnnealingLR, T_max: 1}", lambda o: lrs.CosineAnnealingLR(o, T_max=1)),
    ],
    "CosineAnnealingWarmRestarts": [
        Case("{type: CosineAnnealingWarmRestarts, T_0: 5}", lambda o: lrs.CosineAnnealingWarmRestarts(o, 5)),
        Case(
            "{type: CosineAnnealingWarmRestarts, T_0: 4, T_mult: 2, eta_min: 0.0001}",
            lambda o: lrs.CosineAnnealingWarmRestarts(o, 4, 2, 1e-4),
        ),
        Case(
            "{type: CosineAnnealingWarmRestarts, T_0: 1, T_mult: 3}",
            lambda o: lrs.CosineAnnealingWarmRestarts(o, T_0=1, T_mult=3),
        ),
    ],
    "CyclicLR": [
        Case(
            "{type: CyclicLR, base_lr: 0.01, max_lr: 0.1, step_size_up: 5}",
            lambda o: lrs.CyclicLR(o, 0.01, 0.1, step_size_up=5),
        ),
        Case(
            "{type: CyclicLR, base_lr: [0.01, 0.02, 0], max_lr: [0.1, 0.2, 0.3], step_size_up: 8,"
            " step_size_down: 3, mode: exp_range, gamma: 0.97, base_momentum: [0.8, 0.7, 0.6]}",
            lambda o: lrs.CyclicLR(
                o,
                [0.01, 0.02, 0],
                [0.1, 0.2, 0.3],
                step_size_up=8,
                step_size_down=3,
                mode="exp_range",
                gamma=0.97,
                base_momentum=[0.8, 0.7, 0.6],  # type: ignore[arg-type]
            ),
        ),
        Case(
            "{type: CyclicLR, base_lr: 0.01, max_lr: 0.1, step_size_up: 6, mode: triangular2,"
            " cycle_momentum: false}",
            lambda o: lrs.CyclicLR(o, 0.01, 0.1, step_size_up=6, mode="triangular2", cycle_momentum=False),
        ),
        Case(
            "{type: CyclicLR, base_lr: 0.01, max_lr: 0.1, step_size_up: 6,"
            " scale_fn: 1 / (1 + step / 20), scale_mode: iterations}",
            lambda o: lrs.CyclicLR(
                o, 0.01, 0.1, step_size_up=6, scale_fn=lambda x: 1 / (1 + x / 20), scale_mode="iterations"
            ),
        ),
    ],
    "OneCycleLR": [
        Case("{type: OneCycleLR, max_lr: 0.1, total_steps: 61}", lambda o: lrs.OneCycleLR(o, 0.1, 61)),
        Case(
            "{type: OneCycleLR, max_lr: [0.1, 0.2, 0.3], epochs: 6, steps_per_epoch: 10, three_phase: true,"
            " anneal_strategy: linear}",
            lambda o: lrs.OneCycleLR(
                o, [0.1, 0.2, 0.3], epochs=6, steps_per_epoch=10, three_phase=True, anneal_strategy="linear"
            ),
        ),
        Case(
            "{type: OneCycleLR, max_lr: 0.1, total_steps: 80, pct_start: 0.5, div_factor: 10,"
            " final_div_factor: 100, base_momentum: 0.7, max_momentum: [0.9, 0.8, 0.99]}",
            lambda o: lrs.OneCycleLR(
                o,
                0.1,
                80,
                pct_start=0.5,
                div_factor=10,
                final_div_factor=100,
                base_momentum=0.7,
                max_momentum=[0.9, 0.8, 0.99],
            ),
        ),
        Case(
            "{type: OneCycleLR, max_lr: 0.1, total_steps: 70, cycle_momentum: false}",
            lambda o: lrs.OneCycleLR(o, 0.1, 70, cycle_momentum=False),
        ),
    ],
    "ReduceLROnPlateau": [
        Case(
            "{type: ReduceLROnPlateau, patience: 3, metric: '1 / min(step, 8)'}",
            lambda o: lrs.ReduceLROnPlateau(o, patience=3),
            metric=_falling_then_flat,
        ),
        Case(
            "{type: ReduceLROnPlateau, mode: max, factor: 0.5, patience: 2, threshold: 0.01,"
            " threshold_mode: abs, cooldown: 4, min_lr: [0.001, 0, 0.05], metric: 1 + 0.5 * sin(step / 3)}",
            lambda o: lrs.ReduceLROnPlateau(
                o,
                mode="max",
                factor=0.5,
                patience=2,
                threshold=0.01,
                threshold_mode="abs",
                cooldown=4,
                min_lr=[0.001, 0, 0.05],
            ),
            metric=_wave,
        ),
        Case(
            "{type: ReduceLROnPlateau, patience: 0, factor: 0.9, eps: 0.0001,"
            " metric: 1 + 0.5 * sin(step / 3)}",
            lambda o: lrs.ReduceLROnPlateau(o, patience=0, factor=0.9, eps=1e-4),
            metric=_wave,
        ),
    ],
    "SWALR": [
        Case("{type: SWALR, swa_lr: 0.05}", lambda o: SWALR(o, 0.05)),
        Case(
            "{type: SWALR, swa_lr: 0.01, anneal_epochs: 25, anneal_strategy: linear}",
            lambda o: SWALR(o, 0.01, anneal_epochs=25, anneal_strategy="linear"),
        ),
        Case("{type: SWALR, swa_lr: 0.5, anneal_epochs: 0}", lambda o: SWALR(o, 0.5, anneal_epochs=0)),
        Case(
            "{type: SWALR, swa_lr: [0.05, 0.01, 0.1], anneal_epochs: 7}",
            lambda o: SWALR(o, [0.05, 0.01, 0.1], anneal_epochs=7),  # type: ignore[arg-type]
        ),
    ],
    "SequentialLR": [
        Case(
            f"{{type: SequentialLR, schedulers: [{WARM_UP}, {{type: ExponentialLR, gamma: 0.9}}],"
            " milestones: [5]}",
            lambda o: lrs.SequentialLR(o, [_warm_up(o), lrs.ExponentialLR(o, gamma=0.9)], [5]),
        ),
        Case(
            "{type: SequentialLR, milestones: [10, 35], schedulers: ["
            "{type: ConstantLR, factor: 0.5, total_iters: 4},"
            "{type: CosineAnnealingLR, T_max: 20, eta_min: 1.0e-4},"
            "{type: StepLR, step_size: 7, gamma: 0.5}]}",
            _sequence_of_three,
        ),
        Case(
            f"{{type: SequentialLR, milestones: [30], schedulers: [{{type: SequentialLR, milestones: [6],"
            f" schedulers: [{WARM_UP}, {{type: ExponentialLR, gamma: 0.9}}]}},"
            " {type: ConstantLR, factor: 0.1, total_iters: 100}]}",
            _sequence_in_a_sequence,
        ),
        Case(
            "{type: SequentialLR, milestones: [25], schedulers: [{type: ChainedScheduler, schedulers: ["
            f"{WARM_UP}, {{type: StepLR, step_size: 9, gamma: 0.5}}]}},"
            " {type: CosineAnnealingLR, T_max: 30}]}",
            _chain_in_a_sequence,
        ),
        Case(
            "{type: SequentialLR, milestones: [15], schedulers: ["
            "{type: LambdaLR, lr_lambda: (step + 1) / 15}, {type: LambdaLR, lr_lambda: 0.9 ** step}]}",
            lambda o: lrs.SequentialLR(
                o,
                [lrs.LambdaLR(o, lambda step: (step + 1) / 15), lrs.LambdaLR(o, lambda step: 0.9**step)],
                [15],
            ),
        ),
    ],
    "ChainedScheduler": [
        Case(
            f"{{type: ChainedScheduler, schedulers: [{WARM_UP}, {{type: CosineAnnealingLR, T_max: 40}}]}}",
            lambda o: lrs.ChainedScheduler([_warm_up(o), lrs.CosineAnnealingLR(o, T_max=40)]),
        ),
        Case(
            "{type: ChainedScheduler, schedulers: [{type: ConstantLR, factor: 0.3, total_iters: 5},"
            " {type: ExponentialLR, gamma: 0.9}]}",
            lambda o: lrs.ChainedScheduler(
                [lrs.ConstantLR(o, factor=0.3, total_iters=5), lrs.ExponentialLR(o, gamma=0.9)], optimizer=o
            ),
        ),
        Case(
            "{type: ChainedScheduler, schedulers: [{type: MultiStepLR, milestones: [12, 40]},"
            f" {{type: LambdaLR, lr_lambda: '1'}}, {WARM_UP}]}}",
            lambda o: lrs.ChainedScheduler(
                [lrs.MultiStepLR(o, [12, 40]), lrs.LambdaLR(o, lambda _: 1), _warm_up(o)]
            ),
        ),
    ],
}
