"""What is fuzzed: each place where this package reads what others may have made.

A target takes bytes of any kind. It returns where they were refused in the package's own words, and fails
where anything else happens: another exception, a message that would break a terminal, a wrong kind of result.
"""

from __future__ import annotations

import io
import math
import os
import sys
import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from lrsched_cli.analysis.stored_trace import read_stored_trace
from lrsched_cli.analysis.trace import dry_run
from lrsched_cli.cli.streams import print_error
from lrsched_cli.core.config import Schedule, load_schedule
from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.files.checkpoint_file import read_checkpoint_file
from lrsched_cli.core.files.metric_column import read_metric_column
from lrsched_cli.core.files.parameter_list import read_parameter_list
from lrsched_cli.core.files.weight_files import read_index, read_safetensors
from lrsched_cli.core.sections import CsvColumn
from lrsched_cli.core.yaml_source import read_yaml
from lrsched_cli.errors import ExpressionError, LrschedError, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.core.model_parameters import ModelListing

_STEPS = (0, 1, 7, 100, 10**7)
_UPDATES = 12
_MANY_GROUPS = 50
_SCRATCH = Path(tempfile.gettempdir()) / f"lrsched-fuzz-{os.getpid()}"


def yaml_reader(data: bytes) -> None:
    """The reader of YAML: a tree, or one problem at a place inside the text."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        root, problems = read_yaml(text, "s.yaml")
    except ScheduleFileError as error:
        _check_told(error)
        return
    root.plain()
    if problems:
        _check_told(ScheduleFileError(problems))


def schedule_file(data: bytes) -> None:
    """A whole schedule file, validated and, where it is valid, stepped a few times."""
    schedule = _loaded(data, ())
    if schedule is not None:
        _step(schedule)


def override(data: bytes) -> None:
    """``--set`` over a shipped schedule."""
    text = data.decode("utf-8", "surrogateescape")
    schedule = _loaded(_BASE, text.split("\0"))
    if schedule is not None:
        _step(schedule)


def expression(data: bytes) -> None:
    """A formula: refused, or a finite float or a refusal at each step."""
    try:
        formula = Expression(data.decode("utf-8", "surrogateescape"))
    except ExpressionError as error:
        _check_text(str(error))
        return
    for step in _STEPS:
        try:
            value = formula(step)
        except ExpressionError as error:
            _check_text(str(error))
        else:
            assert type(value) is float, value
            assert math.isfinite(value), value


def stored_trace(data: bytes) -> None:
    """A trace as CSV."""
    try:
        trace = read_stored_trace(_file(data, "trace.csv"))
    except ScheduleFileError as error:
        _check_told(error)
        return
    assert trace.lr.shape == (len(trace.step), len(trace.groups))
    for group in range(len(trace.groups)):
        trace.warmup_end(group)
        trace.restarts(group)


def metric_column(data: bytes) -> None:
    """A metric from a CSV."""
    path = _file(data, "metric.csv")
    try:
        numbers = read_metric_column(CsvColumn(csv=path.name, column="loss"), str(path))
    except ValueError as error:
        _check_text(str(error))
        return
    assert numbers
    assert all(type(one) is float and math.isfinite(one) for one in numbers)


def safetensors(data: bytes) -> None:
    """The weights of a model, as safetensors."""
    _model(read_safetensors, _file(data, "model.safetensors"))


def weight_index(data: bytes) -> None:
    """The index of a model in several files."""
    _model(read_index, _file(data, "model.safetensors.index.json"))


def parameter_list(data: bytes) -> None:
    """A list of a model's parameters as text."""
    _model(read_parameter_list, _file(data, "model.txt"))


def checkpoint(data: bytes) -> None:
    """A checkpoint: plain data and tensors, or a refusal; nothing in it is run."""
    try:
        read_checkpoint_file(_file(data, "run.pt"))
    except LrschedError as error:
        _check_text(str(error))


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        *(yaml_reader, schedule_file, override, expression, stored_trace, metric_column),
        *(safetensors, weight_index, parameter_list, checkpoint),
    )
}

_BASE = b"""\
steps: 12
optimizer: {type: AdamW, lr: 1e-3, betas: [0.9, 0.95]}
batch_size: [{until: 3, size: 32}, {per_device: 4, devices: 8}]
param_groups:
- {name: head, lr: 1e-4, shapes: {w: [2, 3]}}
- {name: body.0, scheduler: {gamma: 0.5}}
scheduler: {warmup_steps: 2, T_0: 4, custom_lambda: "1 if step < 5 else 0.5"}
"""


def _loaded(data: bytes, overrides: tuple[str, ...] | list[str]) -> Schedule | None:
    stdin = io.TextIOWrapper(io.BytesIO(data))
    try:
        with patch.object(sys, "stdin", stdin):
            return load_schedule("-", overrides=overrides)
    except ScheduleFileError as error:
        _check_told(error)
        return None


def _step(schedule: Schedule) -> None:
    if len(schedule.param_groups) > _MANY_GROUPS:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trace = dry_run(schedule, _UPDATES)
    except ScheduleFileError as error:
        _check_told(error)
    else:
        assert trace.lr.shape == (_UPDATES + 1, len(schedule.param_groups))


def _check_told(error: ScheduleFileError) -> None:
    """The message as the command prints it: whole lines of printable characters."""
    assert error.problems
    for problem in error.problems[:100]:
        assert problem.line >= 0, problem
        assert (problem.column >= 1) == (problem.line >= 1), problem
        _check_text(str(problem))


def _check_text(text: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        print_error(LrschedError(text))
    assert not out.getvalue()
    assert text.strip()
    assert "Traceback" not in text
    assert all(one.isprintable() for one in err.getvalue().rstrip("\n")), text


def _model(read: Callable[[Path], ModelListing], path: Path) -> None:
    try:
        listing = read(path)
    except ScheduleFileError as error:
        _check_told(error)
        return
    assert listing.parameters
    assert all(one.name.isprintable() for one in listing.parameters)


def _file(data: bytes, name: str) -> Path:
    _SCRATCH.mkdir(exist_ok=True)
    path = _SCRATCH / name
    path.write_bytes(data)
    return path
