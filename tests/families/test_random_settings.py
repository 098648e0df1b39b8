"""With settings at random, too, the dry run is bit for bit a plain loop over the library's own class."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_training import OPTIMIZERS, Case, Loop, optimizer_of, train
from torch.optim import lr_scheduler as lrs
from torch.optim.swa_utils import SWALR
from transformers import optimization as hf

from lrsched_cli import dry_run, load_schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    Described = tuple[dict[str, Any], Callable[[Any], Any]]

factors = st.floats(0.01, 1)
counts = st.integers(1, 40)
shapes = st.sampled_from(["cos", "linear"])
rates = st.floats(1e-6, 1)


def of(
    kind: str, make: Callable[..., Any], **arguments: st.SearchStrategy[Any]
) -> st.SearchStrategy[Described]:
    """A section of a type with arguments drawn at random, and what makes the same by hand."""
    return st.fixed_dictionaries(arguments).map(
        lambda drawn: ({"type": kind, **drawn}, lambda optimizer: make(optimizer, **drawn))
    )


def warm(name: str, make: Callable[..., Any], **arguments: Any) -> st.SearchStrategy[Described]:
    both = {"num_warmup_steps": st.integers(0, 20), "num_training_steps": st.integers(21, 60)}
    return of(f"transformers.{name}", make, **both, **arguments)


PLAIN = st.one_of(
    of("StepLR", lrs.StepLR, step_size=counts, gamma=factors),
    of("MultiStepLR", lrs.MultiStepLR, milestones=st.lists(counts, max_size=6).map(sorted), gamma=factors),
    of("ConstantLR", lrs.ConstantLR, factor=factors, total_iters=st.integers(0, 40)),
    of("LinearLR", lrs.LinearLR, start_factor=factors, end_factor=factors, total_iters=counts),
    of("ExponentialLR", lrs.ExponentialLR, gamma=st.floats(0.5, 1.1)),
    of("PolynomialLR", lrs.PolynomialLR, total_iters=counts, power=st.floats(0.2, 4)),
    of("CosineAnnealingLR", lrs.CosineAnnealingLR, T_max=counts, eta_min=rates),
    of(
        "CosineAnnealingWarmRestarts",
        lrs.CosineAnnealingWarmRestarts,
        T_0=counts,
        T_mult=st.integers(1, 3),
        eta_min=rates,
    ),
)
DIRECT = st.one_of(
    PLAIN,
    of(
        "SWALR",
        SWALR,
        swa_lr=rates,
        anneal_epochs=st.integers(0, 40),
        anneal_strategy=shapes,
    ),
    of(
        "OneCycleLR",
        lrs.OneCycleLR,
        max_lr=st.lists(rates, min_size=3, max_size=3),
        total_steps=st.integers(40, 80),
        pct_start=st.floats(0.1, 0.4),
        three_phase=st.booleans(),
        anneal_strategy=shapes,
        div_factor=st.floats(1, 50),
    ),
    of(
        "CyclicLR",
        lrs.CyclicLR,
        base_lr=st.floats(1e-6, 0.01),
        max_lr=st.floats(0.02, 1),
        step_size_up=counts,
        step_size_down=counts,
        mode=st.sampled_from(["triangular", "triangular2", "exp_range"]),
        gamma=st.floats(0.9, 1),
        cycle_momentum=st.booleans(),
    ),
    warm("linear", hf.get_linear_schedule_with_warmup),
    warm("cosine", hf.get_cosine_schedule_with_warmup, num_cycles=st.floats(0.5, 3)),
    warm(
        "cosine_with_restarts",
        hf.get_cosine_with_hard_restarts_schedule_with_warmup,
        num_cycles=st.integers(1, 8),
    ),
    warm("cosine_with_min_lr", hf.get_cosine_with_min_lr_schedule_with_warmup, min_lr_rate=factors),
    warm("polynomial", hf.get_polynomial_decay_schedule_with_warmup, power=st.floats(0.5, 3)),
)
LOOPS = st.builds(Loop, scheduler_first=st.booleans(), epoch=st.integers(1, 4))


def held_against(section: dict[str, Any], case: Case, optimizer: str, loop: Loop) -> None:
    text = f"steps: {case.updates}\n{loop.text}{OPTIMIZERS[optimizer]}"
    Path("s.yaml").write_text(text + yaml.safe_dump({"scheduler": section}), encoding="utf-8")
    trace = dry_run(load_schedule("s.yaml"))
    plain = train(case, optimizer_of(optimizer), loop)
    assert trace.lr.tolist() == plain.lrs
    assert {name: values.tolist() for name, values in trace.settings.items()} == plain.changing


in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@in_one_folder
@given(described=DIRECT, optimizer=st.sampled_from(sorted(OPTIMIZERS)), loop=LOOPS)
def test_any_settings_run_as_by_hand(described: Described, optimizer: str, loop: Loop) -> None:
    section, make = described
    held_against(section, Case("", make, updates=40), optimizer, loop)


@in_one_folder
@given(
    parts=st.lists(PLAIN, min_size=1, max_size=4),
    lengths=st.lists(counts, min_size=3, max_size=3),
    loop=LOOPS,
)
def test_any_sequence_runs_as_by_hand(parts: list[Described], lengths: list[int], loop: Loop) -> None:
    milestones = [sum(lengths[: n + 1]) for n in range(len(parts) - 1)]
    section = {"type": "SequentialLR", "schedulers": [one for one, _ in parts], "milestones": milestones}

    def by_hand(optimizer: Any) -> Any:
        return lrs.SequentialLR(optimizer, [make(optimizer) for _, make in parts], milestones=milestones)

    held_against(section, Case("", by_hand), "SGD", loop)


@in_one_folder
@given(parts=st.lists(PLAIN, min_size=1, max_size=4), loop=LOOPS)
def test_any_chain_runs_as_by_hand(parts: list[Described], loop: Loop) -> None:
    section = {"type": "ChainedScheduler", "schedulers": [one for one, _ in parts]}

    def by_hand(optimizer: Any) -> Any:
        return lrs.ChainedScheduler([make(optimizer) for _, make in parts], optimizer=optimizer)

    held_against(section, Case("", by_hand), "Adam", loop)


@in_one_folder
@given(
    losses=st.lists(st.floats(0.01, 10), min_size=40, max_size=40),
    patience=st.integers(0, 5),
    factor=st.floats(0.1, 0.9),
    cooldown=st.integers(0, 5),
    loop=LOOPS,
)
def test_any_losses_of_a_csv_reduce_the_lr_as_by_hand(
    losses: list[float], patience: int, factor: float, cooldown: int, loop: Loop
) -> None:
    Path("losses.csv").write_text("\n".join(["loss", *map(repr, losses)]), encoding="utf-8")
    arguments: dict[str, Any] = {"patience": patience, "factor": factor, "cooldown": cooldown}
    section = {"type": "ReduceLROnPlateau", "metric": {"csv": "losses.csv", "column": "loss"}, **arguments}
    case = Case(
        "", lambda optimizer: lrs.ReduceLROnPlateau(optimizer, **arguments), lambda step: losses[step - 1], 40
    )
    held_against(section, case, "SGD", loop)


@in_one_folder
@given(
    warmup=st.integers(1, 20),
    power=st.floats(0.1, 2),
    wave=st.floats(0.1, 3),
    at=st.integers(0, 39),
    loop=LOOPS,
)
def test_any_formulas_are_the_functions_that_they_say(
    warmup: int, power: float, wave: float, at: int, loop: Loop
) -> None:
    texts = [
        f"min((step + 1) / {warmup}, ((step + 1) / {warmup}) ** -{power!r})",
        f"0.5 * (1 + cos(pi * step * {wave!r})) + exp(-step)",
        f"1 if step < {at} else 0.1 if step % 2 == 0 else sqrt(step) / 10",
    ]
    functions: list[Callable[[int], float]] = [
        lambda step: min((step + 1) / warmup, ((step + 1) / warmup) ** -power),
        lambda step: 0.5 * (1 + math.cos(math.pi * step * wave)) + math.exp(-step),
        lambda step: 1 if step < at else 0.1 if step % 2 == 0 else math.sqrt(step) / 10,
    ]
    case = Case("", lambda optimizer: lrs.LambdaLR(optimizer, functions), updates=40)
    held_against({"type": "LambdaLR", "lr_lambda": texts}, case, "SGD", loop)
