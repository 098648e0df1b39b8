"""The closed forms, held against the real schedulers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsched_cli import Schedule, dry_run, load_schedule
from lrsched_cli.analysis.checks.checking import findings_of
from lrsched_cli.analysis.plan import plan_of
from lrsched_cli.core.families import FAMILIES
from lrsched_cli.core.families.course import Course
from lrsched_cli.core.stepping import scheduler_steps
from lrsched_cli.errors import LrschedError, ScheduleFileError, StepError

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = [
    (example.section["type"], example)
    for family in FAMILIES
    if family.name in {"torch", "transformers"}
    for example in family.examples()
]
STEPPED = {
    "MultiplicativeLR",
    "ReduceLROnPlateau",
    "SWALR",
    "transformers.greedy",
    "transformers.reduce_lr_on_plateau",
}


def schedule_of(settings: dict[str, Any], folder: Path) -> Schedule:
    file = folder / "one.yaml"
    file.write_text(json.dumps(settings), encoding="utf-8")
    return load_schedule(file)


def rows_of(schedule: Schedule) -> list[tuple[float, ...]]:
    course = schedule.family.course(schedule)
    assert isinstance(course, Course)
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
    if kind in STEPPED:
        assert not isinstance(schedule.family.course(schedule), Course)
        return
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
    {
        "type": "transformers.polynomial",
        "num_warmup_steps": 4,
        "num_training_steps": 25,
        "lr_end": 0.01,
        "power": 2.5,
    },
    {
        "type": "transformers.cosine_with_min_lr",
        "num_warmup_steps": 4,
        "num_training_steps": 25,
        "min_lr": 0.01,
        "num_cycles": 1.5,
    },
    {
        "type": "transformers.cosine_warmup_with_min_lr",
        "num_warmup_steps": 4,
        "num_training_steps": 25,
        "min_lr": 0.01,
        "warmup_lr_rate": 0.2,
    },
    *(
        {
            "type": "transformers.warmup_stable_decay",
            "num_warmup_steps": 5,
            "num_stable_steps": 12,
            "num_decay_steps": 9,
            "warmup_type": shape,
            "decay_type": shape,
            "min_lr_ratio": 0.1,
        }
        for shape in ("linear", "cosine", "1-sqrt")
    ),
    {"type": "ExponentialLR", "gamma": -1.1},
    {"type": "MultiStepLR", "milestones": [-3, 0, 4, 4, 60], "gamma": 2},
    {"type": "CosineAnnealingLR", "T_max": 1, "eta_min": 0.3},
    {"type": "PolynomialLR", "total_iters": 9, "power": 0},
    {"type": "OneCycleLR", "max_lr": 0.1, "total_steps": 45, "pct_start": 0.0, "cycle_momentum": False},
    {
        "type": "ChainedScheduler",
        "schedulers": [
            {"type": "ConstantLR", "factor": 0.5, "total_iters": 7},
            {"type": "CosineAnnealingLR", "T_max": 12},
            {"type": "LinearLR", "start_factor": 0.1, "total_iters": 12},
        ],
    },
]


@pytest.mark.parametrize("section", MORE, ids=lambda section: section["type"])
@pytest.mark.parametrize("loop", ["optimizer-first", "scheduler-first"])
@pytest.mark.parametrize(
    "clock", [{}, {"step_every": "epoch", "steps_per_epoch": 3}], ids=["update", "epoch"]
)
def test_so_it_does_for_other_settings_loops_and_clocks(
    section: dict[str, Any], loop: str, clock: dict[str, Any], tmp_path: Path
) -> None:
    groups = [{"name": "a", "lr": 0.1}, {"name": "b", "lr": 0.02}, {"name": "c", "lr": 0.0}]
    groups = groups[: 2 if isinstance(section.get("lr_lambda", section.get("base_lr")), list) else 3]
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


WHOLE = st.sampled_from([1, 2, 5, 30, 60]) | st.sampled_from(
    [0, -1, -5, 10**6, 2**53, 10**400, 2.5, 1e3, None]
)
REAL = st.sampled_from([0.1, 0.9, 1.0, 0.0, 1.01, 2, 10.0, 1e300, 5e-324, -0.5, float("inf"), float("nan")])
SHAPES = st.sampled_from(["linear", "cosine", "1-sqrt"])
COUNTED = {"num_warmup_steps": WHOLE, "num_training_steps": WHOLE}
ARGUMENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "LambdaLR": ({"lr_lambda": st.sampled_from(["1 / (step - 3)", "exp(step)", "1e300 * step"])}, {}),
    "MultiplicativeLR": ({"lr_lambda": st.sampled_from(["1 / (step - 3)", "1e300", "0.9"])}, {}),
    "StepLR": ({"step_size": WHOLE, "gamma": REAL}, {}),
    "MultiStepLR": ({"milestones": st.lists(WHOLE, max_size=4), "gamma": REAL}, {}),
    "ConstantLR": ({}, {"factor": REAL, "total_iters": WHOLE}),
    "LinearLR": ({}, {"start_factor": REAL, "end_factor": REAL, "total_iters": WHOLE}),
    "ExponentialLR": ({"gamma": REAL}, {}),
    "PolynomialLR": ({}, {"total_iters": WHOLE, "power": REAL}),
    "CosineAnnealingLR": ({"T_max": WHOLE}, {"eta_min": REAL}),
    "CosineAnnealingWarmRestarts": ({"T_0": WHOLE}, {"T_mult": WHOLE, "eta_min": REAL}),
    "CyclicLR": (
        {"base_lr": REAL, "max_lr": REAL, "cycle_momentum": st.sampled_from([False])},
        {
            "step_size_up": WHOLE,
            "step_size_down": WHOLE,
            "mode": st.sampled_from(["triangular", "triangular2", "exp_range", "other"]),
            "gamma": REAL,
        },
    ),
    "OneCycleLR": (
        {"max_lr": REAL, "cycle_momentum": st.sampled_from([False])},
        {
            "total_steps": WHOLE,
            "epochs": WHOLE,
            "steps_per_epoch": WHOLE,
            "pct_start": REAL,
            "div_factor": REAL,
            "final_div_factor": REAL,
            "three_phase": st.booleans(),
        },
    ),
    "SWALR": ({"swa_lr": REAL}, {"anneal_epochs": WHOLE}),
    "transformers.linear": (COUNTED, {}),
    "transformers.cosine": (COUNTED, {"num_cycles": REAL}),
    "transformers.cosine_with_restarts": (COUNTED, {"num_cycles": WHOLE}),
    "transformers.inverse_sqrt": ({"num_warmup_steps": WHOLE}, {"timescale": WHOLE}),
    "transformers.polynomial": (COUNTED, {"lr_end": REAL, "power": REAL}),
    "transformers.cosine_with_min_lr": (COUNTED, {"min_lr": REAL, "min_lr_rate": REAL, "num_cycles": REAL}),
    "transformers.cosine_warmup_with_min_lr": (COUNTED, {"min_lr_rate": REAL, "warmup_lr_rate": REAL}),
    "transformers.warmup_stable_decay": (
        {"num_warmup_steps": WHOLE, "num_decay_steps": WHOLE},
        {
            "num_training_steps": WHOLE,
            "num_stable_steps": WHOLE,
            "warmup_type": SHAPES,
            "decay_type": SHAPES,
            "min_lr_ratio": REAL,
        },
    ),
}
SIMPLE: st.SearchStrategy[dict[str, Any]] = st.one_of(
    [
        st.fixed_dictionaries({"type": st.just(kind), **needed}, optional=more)
        for kind, (needed, more) in ARGUMENTS.items()
    ]
)
SECTIONS = st.recursive(
    SIMPLE,
    lambda parts: (
        st.fixed_dictionaries(
            {
                "type": st.just("SequentialLR"),
                "schedulers": st.lists(parts, min_size=2, max_size=2),
                "milestones": st.lists(st.sampled_from([0, 3, 20, 10**6, -1]), min_size=1, max_size=1),
            }
        )
        | st.fixed_dictionaries(
            {"type": st.just("ChainedScheduler"), "schedulers": st.lists(parts, min_size=1, max_size=3)}
        )
    ),
    max_leaves=4,
)
STRANGE = st.fixed_dictionaries(
    {
        "steps": st.sampled_from([1, 2, 60]),
        "loop": st.sampled_from(["optimizer-first", "scheduler-first"]),
        "optimizer": st.fixed_dictionaries(
            {"type": st.just("SGD"), "lr": st.sampled_from([0.1, 0.0, 1e300])}
        ),
        "scheduler": SECTIONS,
    }
)


@given(file=STRANGE)
def test_no_settings_are_too_strange_for_a_closed_form(
    file: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What the library does with them is what is said of them, or they are told of as a mistake."""
    try:
        schedule = schedule_of(file, tmp_path_factory.mktemp("strange"))
        findings_of(schedule)
        real = dry_run(schedule).lr
    except LrschedError:
        return
    if isinstance(schedule.family.course(schedule), Course):
        for ours, theirs in zip(rows_of(schedule), real.tolist(), strict=True):
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9 * max(0.1, abs(real).max()))


OVERFLOWS = [
    ({"type": "ExponentialLR", "gamma": 1.01}, "the LR is inf at update 71,334"),
    ({"type": "StepLR", "step_size": 1, "gamma": 10}, "the LR is inf at update 310"),
    ({"type": "MultiStepLR", "milestones": list(range(1, 400)), "gamma": 10}, "the LR is inf at update 310"),
    (
        {"type": "CyclicLR", "base_lr": 0.1, "max_lr": 0.2, "mode": "exp_range", "gamma": 10},
        "there is no LR for update 310: the scale of cycle 1 is too large",
    ),
    (
        {"type": "CyclicLR", "base_lr": 0.1, "max_lr": 0.2, "mode": "triangular2", "step_size_up": 1},
        "there is no LR for update 2,049: the scale of cycle 1,025 is too large",
    ),
]


@pytest.mark.parametrize(
    ("section", "said"), OVERFLOWS, ids=lambda one: one["type"] if isinstance(one, dict) else ""
)
def test_an_lr_that_overflows_is_told_of_where_the_library_overflows(
    section: dict[str, Any], said: str, tmp_path: Path
) -> None:
    optimizer = {"type": "SGD", "lr": 1.0, "momentum": 0.9}
    file = {"steps": 100_000, "optimizer": optimizer, "scheduler": section}
    found = [one.message for one in findings_of(schedule_of(file, tmp_path)) if one.code == "LRS022"]
    assert [one[: len(said)] for one in found] == [said]
    update = int(re.findall(r"update ([\d,]+)", said)[0].replace(",", ""))
    dry_run(schedule_of({**file, "steps": update - 2}, tmp_path))
    with pytest.raises(ScheduleFileError, match=r"is inf at step|too large|out of range"):
        dry_run(schedule_of({**file, "steps": update}, tmp_path))


WARM_UP = {"type": "LinearLR", "start_factor": 0.1, "total_iters": 10}
TO_A_MINIMUM = {"type": "CosineAnnealingLR", "T_max": 50, "eta_min": 1e-3}
DROPS = {"type": "MultiStepLR", "milestones": [5, 60]}


def test_what_is_known_of_a_scheduler_without_a_closed_form_is_known_beside_its_dry_run(
    tmp_path: Path,
) -> None:
    section = {"type": "ChainedScheduler", "schedulers": [WARM_UP, TO_A_MINIMUM]}
    schedule = schedule_of(
        {"steps": 40, "optimizer": {"type": "SGD", "lr": 0.1}, "scheduler": section}, tmp_path
    )
    assert not isinstance(schedule.family.course(schedule), Course)
    plan, trace = plan_of(schedule), dry_run(schedule, 60)
    assert plan.of_group(0) == trace.lr[:40, 0].tolist()
    assert [one.steps for one in plan.course.warmups] == [10]
    assert [one.value for one in plan.course.horizons] == [50]
    assert plan.course.lrs(55) == (trace.lr[55, 0],), "beyond the run it is stepped further"
    with pytest.raises(StepError, match="far beyond the run"):
        plan.course.lrs(10**9)


def test_the_steps_of_parts_in_a_row_are_steps_of_the_run(tmp_path: Path) -> None:
    inner = {"type": "SequentialLR", "schedulers": [WARM_UP, DROPS], "milestones": [10]}
    section = {"type": "SequentialLR", "schedulers": [inner, TO_A_MINIMUM, DROPS], "milestones": [40, 80]}
    schedule = schedule_of(
        {"steps": 100, "optimizer": {"type": "SGD", "lr": 0.1}, "scheduler": section}, tmp_path
    )
    known = schedule.family.course(schedule)
    assert known is not None
    assert known.joins == (10, 40, 80)
    assert [(one.path[-1], one.stated, one.step, one.until) for one in known.milestones] == [
        (0, 40, 40, None),
        (1, 80, 80, None),
        (0, 10, 10, 40),
        (0, 5, 15, 40),
        (1, 60, 70, 40),
        (0, 5, 85, None),
        (1, 60, 140, None),
    ]
    assert [(one.start, one.value, one.until) for one in known.horizons] == [(40, 50, 80)]
    assert [one.steps for one in known.warmups] == [10]
    assert [step for step in range(100) if known.drops(step)] == [15, 85]
    assert plan_of(schedule).of_group(0) == dry_run(schedule).lr[:100, 0].tolist()


def test_of_a_cosine_in_a_chain_only_stepping_tells_where_others_leave_a_factor(tmp_path: Path) -> None:
    cosine = {"type": "CosineAnnealingLR", "T_max": 20}
    for other, closed in (
        (WARM_UP, True),
        ({**WARM_UP, "total_iters": 21}, False),
        ({**WARM_UP, "end_factor": 0.9}, False),
        ({"type": "ExponentialLR", "gamma": 0.9}, False),
        (cosine, False),
    ):
        section = {"type": "ChainedScheduler", "schedulers": [other, cosine]}
        file = {"steps": 70, "optimizer": {"type": "SGD", "lr": 0.1}, "scheduler": section}
        schedule = schedule_of(file, tmp_path)
        assert isinstance(schedule.family.course(schedule), Course) is closed
        if closed:
            for ours, theirs in zip(rows_of(schedule), dry_run(schedule).lr.tolist(), strict=True):
                assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)
