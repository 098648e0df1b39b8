"""What is wrong with a scheduler of another library: each fault at its line and column, all at once."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.core.families import transformers
from lrsched_cli.core.families.torch_optim import TorchFamily

sys.path.append(str(Path(__file__).resolve().parent.parent / "cli"))

from command_line import run, written

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = "steps: 40\nparam_groups: [{name: a}, {name: b}]\n"
KNOWN = f"; known here: {', '.join(sorted([*TorchFamily().names(), 'LRScheduler']))}"
FORMULA_OR_IMPORT = 'a formula of step as text, or {import: "package.module:function"}'
FORMULA_OR_CSV = "a formula of step, or {csv: FILE, column: NAME}"
CSV_FILES = {
    "short.csv": "loss\n3\n2\n1\n",
    "nan.csv": "loss\n3\nnan\n1\n",
    "text.csv": "loss\n3\n2\nlow\n",
    "none.csv": "step,loss\n1,\n2,\n",
    "nothing.csv": "",
}


@pytest.fixture(autouse=True)
def csv_files(in_an_empty_folder: Path) -> None:
    for name, text in CSV_FILES.items():
        (in_an_empty_folder / name).write_text(text, encoding="utf-8")


def refused(text: str, *arguments: str) -> list[str]:
    """What ``show`` says of a file that it must not run."""
    Path("s.yaml").write_text(text, encoding="utf-8")
    result = run("show", "s.yaml", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err
    assert written() == {}
    return result.err.splitlines()


FAULTS: dict[str, list[str]] = {
    # the type
    "{type: CosineAnealingLR, T_max: 4}": [
        (
            '19: scheduler.type: "CosineAnealingLR" is no scheduler of torch.optim; '
            "did you mean CosineAnnealingLR?"
        )
    ],
    "{type: cosine}": [
        '19: scheduler.type: "cosine" is no scheduler of torch.optim; did you mean transformers.cosine?'
    ],
    "{type: nonsense}": [f'19: scheduler.type: "nonsense" is no scheduler of torch.optim{KNOWN}'],
    "{type: ''}": [f'19: scheduler.type: "" is no scheduler of torch.optim{KNOWN}'],
    "{type: 5}": ["19: scheduler.type: must be text (got 5)"],
    "{type: transformers.cosin}": [
        (
            '19: scheduler.type: "transformers.cosin" is no scheduler of transformers.get_scheduler; '
            "did you mean transformers.cosine?"
        )
    ],
    # its arguments
    "{type: StepLR}": ["12: scheduler.step_size: is missing; StepLR needs it"],
    "{type: StepLR, step_sise: 4, gamma: x}": [
        "12: scheduler.step_size: is missing; StepLR needs it",
        "27: scheduler.step_sise: is no known key; did you mean step_size?",
        '48: scheduler.gamma: must be a number (got "x")',
    ],
    "{type: StepLR, step_size: 1.5}": ["38: scheduler.step_size: must be a whole number (got 1.5)"],
    "{type: StepLR, step_size: true}": ["38: scheduler.step_size: must be a whole number (got true)"],
    "{type: StepLR, step_size: null}": ["38: scheduler.step_size: must be a whole number (got null)"],
    "{type: StepLR, step_size: 5, last_epoch: 3}": [
        "41: scheduler.last_epoch: is no known key; known here: gamma, step_size, type"
    ],
    "{type: StepLR, step_size: 5, optimizer: SGD}": [
        "41: scheduler.optimizer: is no known key; known here: gamma, step_size, type"
    ],
    "{type: MultiStepLR, milestones: 5}": [
        "44: scheduler.milestones: must be a list of whole numbers (got 5)"
    ],
    "{type: MultiStepLR, milestones: [5, x]}": [
        '44: scheduler.milestones: must be a list of whole numbers (got [5, "x"])'
    ],
    "{type: CyclicLR, base_lr: 0.1, max_lr: [x], mode: triangle}": [
        '51: scheduler.max_lr: must be a number or a list of numbers (got ["x"])',
        '62: scheduler.mode: must be triangular or triangular2 or exp_range (got "triangle")',
    ],
    "{type: ExponentialLR, gamma: .nan}": ["41: scheduler.gamma: must be a finite number (got .nan)"],
    "{type: transformers.cosine}": [
        "12: scheduler.num_warmup_steps: is missing; transformers.cosine needs it",
        "12: scheduler.num_training_steps: is missing; transformers.cosine needs it",
    ],
    "{type: transformers.linear, num_warmup_steps: x, num_training_steps: 4}": [
        '58: scheduler.num_warmup_steps: must be a whole number or null (got "x")'
    ],
    # formulas
    "{type: LambdaLR, lr_lambda: 5}": [f"40: scheduler.lr_lambda: must be {FORMULA_OR_IMPORT} (got 5)"],
    "{type: LambdaLR, lr_lambda: null}": [f"40: scheduler.lr_lambda: must be {FORMULA_OR_IMPORT} (got null)"],
    "{type: LambdaLR, lr_lambda: {import: 5}}": [
        f'40: scheduler.lr_lambda: must be {FORMULA_OR_IMPORT} (got {{"import": 5}})'
    ],
    "{type: LambdaLR, lr_lambda: 1 +}": [
        '40: scheduler.lr_lambda: is no formula: invalid syntax (got "1 +")'
    ],
    "{type: LambdaLR, lr_lambda: ['1', 1 / (step - 5)]}": [
        "46: scheduler.lr_lambda.1: failed at step 5: division by zero"
    ],
    "{type: CyclicLR, base_lr: 0.1, max_lr: 1, scale_fn: ['1']}": [
        '64: scheduler.scale_fn: must be one formula of the step (got ["1"])'
    ],
    # parts
    "{type: SequentialLR, schedulers: [], milestones: 5}": [
        "45: scheduler.schedulers: must be a list of schedulers, each with its type (got [])",
        "61: scheduler.milestones: must be a list of whole numbers (got 5)",
    ],
    "{type: SequentialLR, schedulers: 5}": [
        "12: scheduler.milestones: is missing; SequentialLR needs it",
        "45: scheduler.schedulers: must be a list of schedulers, each with its type (got 5)",
    ],
    "{type: SequentialLR, schedulers: [StepLR, {step_size: 4}, {type: 3}], milestones: [5, 1]}": [
        '46: scheduler.schedulers.0: must be a scheduler: a mapping with a type (got "StepLR")',
        '54: scheduler.schedulers.1: must be a scheduler: a mapping with a type (got {"step_size": 4})',
        '70: scheduler.schedulers.2: must be a scheduler: a mapping with a type (got {"type": 3})',
    ],
    "{type: ChainedScheduler, schedulers: [{type: ChainedScheduler, schedulers: [{type: StepLR}]}]}": [
        "88: scheduler.schedulers.0.schedulers.0.step_size: is missing; StepLR needs it"
    ],
    "{type: ChainedScheduler, schedulers: [{type: LinearLR}, {type: LambdaLR, lr_lambda: 1/(step-3)}]}": [
        "96: scheduler.schedulers.1.lr_lambda: failed at step 3: division by zero"
    ],
    # the metric
    "{type: StepLR, step_size: 5, metric: '1'}": ["41: scheduler.metric: StepLR takes no metric"],
    "{type: ReduceLROnPlateau}": [
        f"12: scheduler.metric: is missing; ReduceLROnPlateau is stepped with one: {FORMULA_OR_CSV}"
    ],
    "{type: ReduceLROnPlateau, metric: 3}": [
        "46: scheduler.metric: must be a formula of step as text, or {csv: FILE, column: NAME} (got 3)"
    ],
    "{type: ReduceLROnPlateau, metric: 1 / (step - 7)}": [
        "46: scheduler.metric: failed at step 7: division by zero"
    ],
    "{type: ReduceLROnPlateau, metric: {csv: gone.csv, column: loss}}": [
        "46: scheduler.metric: gone.csv: no such file"
    ],
    "{type: ReduceLROnPlateau, metric: {csv: ., column: loss}}": [
        "46: scheduler.metric: .: is no regular file"
    ],
    "{type: ReduceLROnPlateau, metric: {csv: short.csv, column: los}}": [
        '46: scheduler.metric: short.csv: has no column "los"; did you mean loss?'
    ],
    "{type: ReduceLROnPlateau, metric: {csv: nothing.csv, column: loss}}": [
        '46: scheduler.metric: nothing.csv: has no column "loss"'
    ],
    "{type: ReduceLROnPlateau, metric: {csv: short.csv, column: loss}}": [
        "46: scheduler.metric: has 3 rows; scheduler step 4 needs another one"
    ],
    "{type: ReduceLROnPlateau, metric: {csv: nan.csv, column: loss}}": [
        '46: scheduler.metric: nan.csv:3: must be a finite number (got "nan")'
    ],
    "{type: ReduceLROnPlateau, metric: {csv: text.csv, column: loss}}": [
        '46: scheduler.metric: text.csv:4: must be a finite number (got "low")'
    ],
    "{type: ReduceLROnPlateau, metric: {csv: none.csv, column: loss}}": [
        '46: scheduler.metric: none.csv: the column "loss" has no number'
    ],
    "{type: ReduceLROnPlateau, metric: {csv: short.csv}}": ["46: scheduler.metric.column: is missing"],
    # what the library itself refuses
    "{type: LambdaLR, lr_lambda: ['1']}": [
        "12: scheduler: LambdaLR refuses these settings: Expected 2 lr_lambdas, but got 1"
    ],
    "{type: SWALR, swa_lr: [0.1]}": [
        (
            "12: scheduler: SWALR refuses these settings: swa_lr must have the same length as "
            "optimizer.param_groups. swa_lr has 1 values, param_groups has 2."
        )
    ],
    "{type: ReduceLROnPlateau, factor: 1.5, metric: '1'}": [
        "12: scheduler: ReduceLROnPlateau refuses these settings: Factor should be < 1.0."
    ],
    "{type: ChainedScheduler, schedulers: [{type: LinearLR}, {type: LinearLR, start_factor: 7}]}": [
        (
            "68: scheduler.schedulers.1: LinearLR refuses these settings: Starting multiplicative factor "
            "expected to be greater than 0 and less or equal to 1."
        )
    ],
    "{type: OneCycleLR, max_lr: 1}": [
        (
            "12: scheduler: OneCycleLR refuses these settings: You must define either total_steps OR "
            "(epochs AND steps_per_epoch)"
        )
    ],
    "{type: StepLR, step_size: 0}": ["12: scheduler: StepLR fails at update 1: integer modulo by zero"],
    "{type: OneCycleLR, max_lr: 1, total_steps: 20}": [
        (
            "12: scheduler: OneCycleLR fails at update 21: Tried to step 21 times. The specified number of "
            "total steps is 20"
        )
    ],
    "{type: ExponentialLR, gamma: 1.0e+300}": [
        "12: scheduler: the LR of group 'a' is inf at step 2: a factor grows beyond what a number can hold"
    ],
}


@pytest.mark.parametrize("scheduler", FAULTS)
def test_a_fault_is_told_at_its_column(scheduler: str) -> None:
    assert refused(f"{HEAD}scheduler: {scheduler}\n") == [f"s.yaml:3:{one}" for one in FAULTS[scheduler]]


def test_faults_of_all_parts_are_told_at_once() -> None:
    told = refused("""\
steps: 40
stepps: 3
scheduler:
  type: SequentialLR
  milestones: [5]
  schedulers:
  - {type: StepLR, step_sise: 5}
  - {type: LinearLR, start_factor: x}
  - {type: LRScheduler}
  - {type: ReduceLROnPlateau}
  - {type: nope}
  - {type: LambdaLR, lr_lambda: ['1', none]}
optimizer: {type: SGD, momentum: much}
""")
    assert [line.partition(" ")[0] for line in told] == [
        "s.yaml:2:1:",
        "s.yaml:7:5:",
        "s.yaml:7:20:",
        "s.yaml:8:36:",
        "s.yaml:9:12:",
        "s.yaml:10:12:",
        "s.yaml:11:12:",
        "s.yaml:12:39:",
        "s.yaml:13:34:",
    ]
    assert told[4].endswith("LRScheduler cannot be a part of another scheduler")
    assert told[5].endswith(
        "ReduceLROnPlateau needs a metric at each step, which a scheduler of schedulers has not"
    )


STEPS = "scheduler: {type: StepLR, step_size: 5}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            STEPS,
            [
                "1:1: steps: is missing; how long a run with StepLR is, only you can say",
                "Give steps in the file, or --steps.",
            ],
        ),
        (
            f"steps: 9\nsteps_per_epoch: 3\n{STEPS}",
            ["2:1: steps_per_epoch: says nothing without step_every: epoch"],
        ),
        (
            f"steps: 9\nstep_every: epoch\n{STEPS}",
            ["2:13: step_every: needs steps_per_epoch: how many updates an epoch has"],
        ),
        (
            f"steps: 9\nstep_every: epoc\n{STEPS}",
            ['2:13: step_every: must be update or epoch (got "epoc"); did you mean epoch?'],
        ),
        (
            f"steps: 9\nparam_groups:\n- name: a\n  scheduler: {{T_0: 3}}\n{STEPS}",
            ["4:3: param_groups.a.scheduler: StepLR has no schedule for each group; LRScheduler alone has"],
        ),
    ],
)
def test_a_clock_that_does_not_fit_is_told(text: str, told: list[str]) -> None:
    first, *rest = told
    assert refused(text) == [f"s.yaml:{first}", *rest]


TWO_PARTS = (
    "steps: 40\nscheduler:\n  type: SequentialLR\n  milestones: [5]\n"
    "  schedulers: [{type: LinearLR}, {type: CosineAnnealingLR, T_max: 5}]\n"
)


def lrs(*overrides: str, text: str = TWO_PARTS) -> Any:
    Path("s.yaml").write_text(text, encoding="utf-8")
    return dry_run(load_schedule("s.yaml", overrides=overrides)).lr.tolist()


def test_a_part_is_overridden_by_its_number() -> None:
    assert lrs("scheduler.schedulers.1.T_max=9") == lrs(text=TWO_PARTS.replace("T_max: 5", "T_max: 9"))
    assert lrs("scheduler.schedulers.1.T_max=9") != lrs()


def test_an_entry_of_a_list_is_overridden_by_its_number() -> None:
    assert lrs("scheduler.milestones.0=9") == lrs(text=TWO_PARTS.replace("[5]", "[9]"))


def test_an_override_that_is_wrong_is_told_at_its_own_column() -> None:
    assert refused(TWO_PARTS, "--set", "scheduler.schedulers.1.T_max=x") == [
        '--set:1:30: scheduler.schedulers.1.T_max: must be a whole number (got "x")'
    ]
    assert refused(TWO_PARTS, "--set", "scheduler.schedulers.2.T_max=5") == [
        '--set:1:1: scheduler.schedulers.2.T_max: there is no "2" in scheduler.schedulers'
    ]


def test_another_type_needs_its_own_arguments() -> None:
    assert refused("steps: 9\nscheduler: {T_0: 5}\n", "--set", "scheduler.type=StepLR") == [
        "s.yaml:2:12: scheduler.step_size: is missing; StepLR needs it",
        "s.yaml:2:13: scheduler.T_0: is no known key; known here: gamma, step_size, type",
    ]


def test_a_whole_scheduler_may_be_given_as_an_override() -> None:
    assert lrs("scheduler={type: StepLR, step_size: 4}") == lrs(
        text="steps: 40\nscheduler: {type: StepLR, step_size: 4}\n"
    )


def test_a_file_that_extends_one_with_another_type_does_not_inherit_its_arguments() -> None:
    Path("base.yaml").write_text("steps: 40\noptimizer: {lr: 0.3}\nscheduler: {warmup_steps: 3, T_0: 5}\n")
    found = lrs(text="extends: base.yaml\nscheduler: {type: StepLR, step_size: 4}\n")
    assert found == lrs(text="steps: 40\noptimizer: {lr: 0.3}\nscheduler: {type: StepLR, step_size: 4}\n")


def test_a_file_that_extends_one_of_its_type_changes_single_arguments() -> None:
    Path("base.yaml").write_text("steps: 40\nscheduler: {type: StepLR, step_size: 4, gamma: 0.5}\n")
    found = lrs(text="extends: base.yaml\nscheduler: {gamma: 0.9}\n")
    assert found == lrs(text="steps: 40\nscheduler: {type: StepLR, step_size: 4, gamma: 0.9}\n")


@pytest.fixture
def without_transformers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "transformers" else found(name, *more),
    )
    transformers._functions.cache_clear()
    yield
    transformers._functions.cache_clear()


@pytest.mark.usefixtures("without_transformers")
def test_without_transformers_one_line_says_what_to_install() -> None:
    assert transformers.TransformersFamily().names() == ()
    assert refused(f"{HEAD}scheduler: {{type: transformers.cosine, num_warmup_steps: 3}}\n") == [
        "s.yaml:3:19: scheduler.type: needs the transformers package: pip install 'lrsched-cli[transformers]'"
    ]


@pytest.mark.usefixtures("without_transformers")
def test_without_transformers_all_others_run() -> None:
    assert len(lrs()) == 41
