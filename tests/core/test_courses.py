"""The closed forms, held against the real schedulers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsched_cli import Schedule, dry_run, load_schedule
from lrsched_cli.core.families import FAMILIES
from lrsched_cli.core.stepping import scheduler_steps

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = [
    (example.section["type"], example)
    for family in FAMILIES
    if family.name in {"torch", "transformers"}
    for example in family.examples()
]
STEPPED = {"MultiplicativeLR", "ReduceLROnPlateau", "SWALR"}
FACTORS_OF_TRANSFORMERS = {
    f"transformers.{name}"
    for name in (
        "constant",
        "constant_with_warmup",
        "cosine",
        "cosine_with_restarts",
        "inverse_sqrt",
        "linear",
    )
}


def schedule_of(settings: dict[str, Any], folder: Path) -> Schedule:
    file = folder / "one.yaml"
    file.write_text(json.dumps(settings), encoding="utf-8")
    return load_schedule(file)


def rows_of(schedule: Schedule) -> list[tuple[float, ...]]:
    course = schedule.family.course(schedule)
    assert course is not None
    return [course.lrs(scheduler_steps(schedule, row)) for row in range(schedule.total_steps + 1)]


@pytest.mark.parametrize(("kind", "example"), EXAMPLES, ids=[kind for kind, _ in EXAMPLES])
def test_a_closed_form_gives_the_lrs_of_the_real_scheduler(kind: str, example: Any, tmp_path: Path) -> None:
    groups = [{"name": "a", "lr": 0.1}, {"name": "b", "lr": 0.02}]
    optimizer = example.optimizer or {"type": "SGD"}
    if kind.startswith("transformers."):
        optimizer = {"lr": 0.1, **optimizer}
    schedule = schedule_of(
        {"steps": 40, "optimizer": optimizer, "param_groups": groups, "scheduler": dict(example.section)},
        tmp_path,
    )
    course = schedule.family.course(schedule)
    if kind in STEPPED or (kind.startswith("transformers.") and kind not in FACTORS_OF_TRANSFORMERS):
        assert course is None
        return
    assert course is not None
    real = dry_run(schedule).lr
    for row, ours in enumerate(rows_of(schedule)):
        assert ours == pytest.approx(real[row].tolist(), rel=1e-9, abs=1e-12)


PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "warmup_steps": st.integers(0, 60),
        "warmup_scale_min": st.floats(0, 1),
        "warmup_type": st.sampled_from(["linear", "cosine"]),
        "T_0": st.integers(1, 50),
        "T_mult": st.integers(1, 3),
        "eta_scal_min": st.floats(0, 3),
        "eta_scal_max": st.floats(0, 3),
        "gamma": st.floats(0.1, 1.5),
        "base_batch_size": st.integers(1, 300),
        "batch_size_mode": st.sampled_from(["linear", "sqrt", "blend"]),
        "custom_lambda": st.sampled_from(["1 - step / 1000", "cos(step)", None]),
    },
)
PLANS = (
    st.none()
    | st.integers(1, 500)
    | st.just([{"until": 20, "size": 32}, {"until": 50, "size": 7}, {"size": 256}])
)


FILES = st.fixed_dictionaries(
    {
        "scheduler": PARAMETERS,
        "own": PARAMETERS,
        "batch_size": PLANS,
        "loop": st.sampled_from(["optimizer-first", "scheduler-first"]),
        "clock": st.sampled_from([{}, {"step_every": "epoch", "steps_per_epoch": 7}]),
    }
)


@given(file=FILES)
def test_the_law_at_any_step_has_the_bits_of_stepping_there(
    file: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    own, clock = file.pop("own"), file.pop("clock")
    groups = [{"name": "a", "lr": 0.1}, {"name": "b", "lr": 3e-4, "scheduler": own}]
    settings = {"steps": 120, "param_groups": groups, **file, **clock}
    schedule = schedule_of(settings, tmp_path_factory.mktemp("law"))
    assert [list(row) for row in rows_of(schedule)] == dry_run(schedule).lr.tolist()


MORE = [
    {
        "type": "SequentialLR",
        "schedulers": [
            {"type": "LinearLR", "start_factor": 0.1, "total_iters": 5},
            {"type": "MultiStepLR", "milestones": [3, 9], "gamma": 0.5},
            {"type": "PolynomialLR", "total_iters": 15, "power": 1.5},
        ],
        "milestones": [5, 20],
    },
    {
        "type": "SequentialLR",
        "schedulers": [
            {"type": "ConstantLR", "factor": 0.5, "total_iters": 20},
            {"type": "LambdaLR", "lr_lambda": "0.9 ** step"},
            {"type": "StepLR", "step_size": 4},
        ],
        "milestones": [7, 21],
    },
    {
        "type": "SequentialLR",
        "schedulers": [
            {"type": "LinearLR", "start_factor": 0.1, "total_iters": 5},
            {"type": "CosineAnnealingWarmRestarts", "T_0": 4, "T_mult": 2, "eta_min": 1e-3},
        ],
        "milestones": [5],
    },
    {
        "type": "ChainedScheduler",
        "schedulers": [
            {"type": "LinearLR", "start_factor": 0.1, "total_iters": 5},
            {"type": "MultiStepLR", "milestones": [10, 20], "gamma": 0.3},
            {"type": "PolynomialLR", "total_iters": 30},
        ],
    },
    {"type": "LambdaLR", "lr_lambda": ["0.9 ** step", "1 / (1 + step)"]},
    {
        "type": "CyclicLR",
        "base_lr": [0.01, 0.02],
        "max_lr": 0.2,
        "step_size_up": 3,
        "step_size_down": 7,
        "mode": "triangular2",
        "cycle_momentum": False,
    },
    {
        "type": "OneCycleLR",
        "max_lr": 0.1,
        "epochs": 5,
        "steps_per_epoch": 9,
        "anneal_strategy": "linear",
        "cycle_momentum": False,
    },
    {"type": "CosineAnnealingWarmRestarts", "T_0": 7, "T_mult": 3, "eta_min": 0.01},
    {"type": "transformers.cosine", "num_warmup_steps": 4, "num_training_steps": 25, "num_cycles": 1.5},
    {"type": "transformers.linear", "num_warmup_steps": 0, "num_training_steps": 25},
    {"type": "transformers.inverse_sqrt", "num_warmup_steps": 4, "timescale": 9},
]


@pytest.mark.parametrize("section", MORE, ids=lambda section: section["type"])
@pytest.mark.parametrize("loop", ["optimizer-first", "scheduler-first"])
@pytest.mark.parametrize(
    "clock", [{}, {"step_every": "epoch", "steps_per_epoch": 3}], ids=["update", "epoch"]
)
def test_so_it_does_for_other_settings_loops_and_clocks(
    section: dict[str, Any], loop: str, clock: dict[str, Any], tmp_path: Path
) -> None:
    groups = [{"name": "a", "lr": 0.1}, {"name": "b", "lr": 0.02}]
    optimizer = {"type": "SGD", "lr": 0.1}
    settings = {
        "steps": 40,
        "loop": loop,
        "optimizer": optimizer,
        "param_groups": groups,
        "scheduler": section,
    }
    schedule = schedule_of({**settings, **clock}, tmp_path)
    real = dry_run(schedule).lr
    for row, ours in enumerate(rows_of(schedule)):
        assert ours == pytest.approx(real[row].tolist(), rel=1e-9, abs=1e-12)
