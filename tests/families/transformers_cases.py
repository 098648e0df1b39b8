"""Every name of transformers' ``get_scheduler`` as a file states it and built by hand."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from plain_training import Case
from torch.optim.lr_scheduler import ReduceLROnPlateau
from transformers import optimization as hf

WARM = "num_warmup_steps: 7"
BOTH = "num_warmup_steps: 7, num_training_steps: 50"


def _falling_then_flat(step: int) -> float:
    return 1 / min(step, 8)


def _wave(step: int) -> float:
    return 1 + 0.5 * math.sin(step / 3)


FALLING_THEN_FLAT = "metric: '1 / min(step, 8)'"
WAVE = "metric: 1 + 0.5 * sin(step / 3)"


def _case(name: str, arguments: str, function: Any, **by_hand: Any) -> Case:
    """A scheduler whose arguments are the file's ``arguments``, and ``by_hand`` those of the function."""
    return Case(f"{{type: transformers.{name}, {arguments}}}", partial(function, **by_hand))


_constant_with_warmup = partial(_case, "constant_with_warmup", function=hf.get_constant_schedule_with_warmup)
_linear = partial(_case, "linear", function=hf.get_linear_schedule_with_warmup)
_cosine = partial(_case, "cosine", function=hf.get_cosine_schedule_with_warmup)
_restarts = partial(
    _case, "cosine_with_restarts", function=hf.get_cosine_with_hard_restarts_schedule_with_warmup
)
_polynomial = partial(_case, "polynomial", function=hf.get_polynomial_decay_schedule_with_warmup)
_inverse_sqrt = partial(_case, "inverse_sqrt", function=hf.get_inverse_sqrt_schedule)
_min_lr = partial(_case, "cosine_with_min_lr", function=hf.get_cosine_with_min_lr_schedule_with_warmup)
_warmup_min_lr = partial(
    _case,
    "cosine_warmup_with_min_lr",
    function=hf.get_cosine_with_min_lr_schedule_with_warmup_lr_rate,
)
_wsd = partial(_case, "warmup_stable_decay", function=hf.get_wsd_schedule)

CASES: dict[str, list[Case]] = {
    # It takes no arguments; what differs is how long it runs.
    "constant": [
        Case("{type: transformers.constant}", hf.get_constant_schedule, updates=updates)
        for updates in (1, 2, 60)
    ],
    "constant_with_warmup": [
        _constant_with_warmup(arguments=f"num_warmup_steps: {n}", num_warmup_steps=n) for n in (0, 1, 7, 60)
    ],
    "linear": [
        _linear(
            arguments=f"num_warmup_steps: {n}, num_training_steps: {total}",
            num_warmup_steps=n,
            num_training_steps=total,
        )
        for n, total in ((0, 60), (7, 50), (50, 50))
    ],
    "cosine": [
        _cosine(arguments=BOTH, num_warmup_steps=7, num_training_steps=50),
        _cosine(
            arguments=f"{BOTH}, num_cycles: 1.5", num_warmup_steps=7, num_training_steps=50, num_cycles=1.5
        ),
        _cosine(
            arguments="num_warmup_steps: 0, num_training_steps: 60",
            num_warmup_steps=0,
            num_training_steps=60,
        ),
    ],
    "cosine_with_restarts": [
        _restarts(arguments=BOTH, num_warmup_steps=7, num_training_steps=50),
        _restarts(
            arguments=f"{BOTH}, num_cycles: 3", num_warmup_steps=7, num_training_steps=50, num_cycles=3
        ),
        _restarts(
            arguments="num_warmup_steps: 0, num_training_steps: 60, num_cycles: 20",
            num_warmup_steps=0,
            num_training_steps=60,
            num_cycles=20,
        ),
    ],
    "polynomial": [
        _polynomial(arguments=BOTH, num_warmup_steps=7, num_training_steps=50),
        _polynomial(
            arguments=f"{BOTH}, lr_end: 0.0001, power: 2.0",
            num_warmup_steps=7,
            num_training_steps=50,
            lr_end=1e-4,
            power=2.0,
        ),
        _polynomial(
            arguments="num_warmup_steps: 0, num_training_steps: 60, power: 0.5",
            num_warmup_steps=0,
            num_training_steps=60,
            power=0.5,
        ),
    ],
    "inverse_sqrt": [
        _inverse_sqrt(arguments=WARM, num_warmup_steps=7),
        _inverse_sqrt(arguments=f"{WARM}, timescale: 30", num_warmup_steps=7, timescale=30),
        _inverse_sqrt(arguments="num_warmup_steps: 1, timescale: 10", num_warmup_steps=1, timescale=10),
    ],
    "cosine_with_min_lr": [
        _min_lr(
            arguments=f"{BOTH}, min_lr_rate: 0.1", num_warmup_steps=7, num_training_steps=50, min_lr_rate=0.1
        ),
        _min_lr(arguments=f"{BOTH}, min_lr: 0.0001", num_warmup_steps=7, num_training_steps=50, min_lr=1e-4),
        _min_lr(
            arguments=f"{BOTH}, min_lr_rate: 0.2, num_cycles: 2.0",
            num_warmup_steps=7,
            num_training_steps=50,
            min_lr_rate=0.2,
            num_cycles=2.0,
        ),
    ],
    "cosine_warmup_with_min_lr": [
        _warmup_min_lr(
            arguments=f"{BOTH}, min_lr_rate: 0.1", num_warmup_steps=7, num_training_steps=50, min_lr_rate=0.1
        ),
        _warmup_min_lr(
            arguments=f"{BOTH}, min_lr: 0.0001, warmup_lr_rate: 0.05",
            num_warmup_steps=7,
            num_training_steps=50,
            min_lr=1e-4,
            warmup_lr_rate=0.05,
        ),
        _warmup_min_lr(
            arguments=f"{BOTH}, min_lr_rate: 0.3, num_cycles: 1.5",
            num_warmup_steps=7,
            num_training_steps=50,
            min_lr_rate=0.3,
            num_cycles=1.5,
        ),
    ],
    "warmup_stable_decay": [
        _wsd(
            arguments=f"{BOTH}, num_decay_steps: 10",
            num_warmup_steps=7,
            num_training_steps=50,
            num_decay_steps=10,
        ),
        _wsd(
            arguments=f"{WARM}, num_stable_steps: 20, num_decay_steps: 15, warmup_type: cosine,"
            " decay_type: linear, min_lr_ratio: 0.1",
            num_warmup_steps=7,
            num_stable_steps=20,
            num_decay_steps=15,
            warmup_type="cosine",
            decay_type="linear",
            min_lr_ratio=0.1,
        ),
        _wsd(
            arguments=f"{BOTH}, num_decay_steps: 12, warmup_type: 1-sqrt, decay_type: 1-sqrt",
            num_warmup_steps=7,
            num_training_steps=50,
            num_decay_steps=12,
            warmup_type="1-sqrt",
            decay_type="1-sqrt",
        ),
    ],
    "reduce_lr_on_plateau": [
        Case(
            f"{{type: transformers.reduce_lr_on_plateau, patience: 3, {FALLING_THEN_FLAT}}}",
            partial(ReduceLROnPlateau, patience=3),
            metric=_falling_then_flat,
        ),
        Case(
            "{type: transformers.reduce_lr_on_plateau, mode: max, factor: 0.5, patience: 2, cooldown: 3,"
            f" {WAVE}}}",
            partial(ReduceLROnPlateau, mode="max", factor=0.5, patience=2, cooldown=3),
            metric=_wave,
        ),
        Case(
            f"{{type: transformers.reduce_lr_on_plateau, patience: 0, min_lr: [0.001, 0, 0.05], {WAVE}}}",
            partial(ReduceLROnPlateau, patience=0, min_lr=[0.001, 0, 0.05]),
            metric=_wave,
        ),
    ],
    "greedy": [
        Case(
            f"{{type: transformers.greedy, patience: 3, {FALLING_THEN_FLAT}}}",
            partial(hf.GreedyLR, patience=3),
            metric=_falling_then_flat,
        ),
        Case(
            "{type: transformers.greedy, mode: max, factor: 0.8, patience: 1, cooldown: 2, warmup: 1,"
            f" min_lr: 0.0001, max_lr: [0.5, 0.4, 0.3], {WAVE}}}",
            partial(
                hf.GreedyLR,
                mode="max",
                factor=0.8,
                patience=1,
                cooldown=2,
                warmup=1,
                min_lr=1e-4,
                max_lr=[0.5, 0.4, 0.3],
            ),
            metric=_wave,
        ),
        Case(
            "{type: transformers.greedy, patience: 0, factor: 0.5, smooth: true, window_size: 4,"
            f" reset_start: 9, {WAVE}}}",
            partial(hf.GreedyLR, patience=0, factor=0.5, smooth=True, window_size=4, reset_start=9),
            metric=_wave,
        ),
    ],
}
