"""The JSON Schema takes every good file and refuses every bad one, as far as a schema can."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from lrsched_cli.analysis.schema.document import schedule_schema, schema_text
from lrsched_cli.core.families import FAMILIES
from lrsched_cli.core.shipped import shipped_names, shipped_path
from lrsched_cli.core.signatures import optimizer_arguments, optimizer_names
from lrsched_cli.core.yaml_source import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = schedule_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def complaints(data: Any) -> list[str]:
    return [f"{list(one.absolute_path)}: {one.message}" for one in VALIDATOR.iter_errors(data)]


def data_of(text: str) -> Any:
    root, problems = read_yaml(text, "s.yaml")
    assert problems == []
    return root.plain()


def schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all those inside it."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key not in {"default", "enum", "const", "required"}:
                yield from schemas(value)
    elif isinstance(schema, list):
        for one in schema:
            yield from schemas(one)


def test_it_is_a_schema_of_2020_12_and_says_what_it_was_made_from() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"lrsched", "torch", "transformers"} <= set(SCHEMA["$comment"].replace(",", "").split())
    assert json.loads(schema_text()) == SCHEMA


def test_every_reference_leads_somewhere_and_every_definition_is_used() -> None:
    used = {one["$ref"] for one in schemas(SCHEMA) if "$ref" in one}
    for reference in used:
        found: Any = SCHEMA
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert isinstance(found, dict)
    assert {reference.split("/")[2] for reference in used} == SCHEMA["$defs"].keys()


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_schedule_is_taken(name: str) -> None:
    path = shipped_path(name)
    assert path is not None
    assert complaints(data_of(path.read_text(encoding="utf-8"))) == []


def test_every_scheduler_and_optimizer_is_taken_with_its_arguments() -> None:
    for family in FAMILIES:
        for one in family.examples():
            example = {"scheduler": dict(one.section), "optimizer": dict(one.optimizer or {})}
            assert complaints(json.loads(json.dumps(example))) == []
    for name in optimizer_names():
        stated = {
            key: one.default for key, one in optimizer_arguments(name).items() if one.default is not ...
        }
        data: Any = {"optimizer": {"type": name, **stated}, "param_groups": [{"name": "a", **stated}]}
        assert complaints(json.loads(json.dumps(data))) == []


@pytest.mark.parametrize(
    "text",
    [
        "steps: null",
        "steps: 1_000",
        "optimizer: {lr: null, type: Adafactor, eps: [null, 1e-3]}",
        "optimizer: {lr: 1_000.5}",
        "batch_size: null",
        "batch_size: 1_024",
        "batch_size: {size: 4}",
        "batch_size: {per_device: 16, devices: 8, size: null}",
        "batch_size: [{until: 5, size: 3}, {until: 9, per_device: 2}, 8]",
        "batch_size: [8]",
        "scheduler: {custom_lambda: '1 if step<5 else max( 0.5,cos (pi/2) ) ** -.5e-3'}",
        'scheduler: {custom_lambda: "not step // 2\\n % 1_000"}',
        "scheduler: {custom_lambda: {import: 'package.module:function'}}",
        "scheduler: {type: 'package.module:Class.made', anything: [1, {x: y}]}",
        """
        scheduler:
          type: SequentialLR
          milestones: [5]
          schedulers:
            - {type: StepLR, step_size: 9}
            - {type: transformers.cosine, num_warmup_steps: 3, num_training_steps: 9}
        """,
        "scheduler: {type: ReduceLROnPlateau, metric: {csv: a.csv, column: loss}}",
        "scheduler: {type: LambdaLR, lr_lambda: [1 / (1 + step), {import: 'a:b'}]}",
        "scheduler: {type: LRScheduler, T_0: 5}",
        "{step_every: epoch, steps_per_epoch: 5}",
        "{step_every: update, steps_per_epoch: null}",
        "param_groups: [{name: a, betas: [0.8, 0.9], scheduler: null}]",
        "{optimizer: {type: SGD}, param_groups: [{name: a, momentum: 0.5}]}",
        # what the base states need not be stated again
        "{extends: base.yaml, scheduler: {T_max: 500}}",
        "{extends: base.yaml, scheduler: {type: StepLR, gamma: 0.5}}",
        "{extends: base.yaml, steps_per_epoch: 50}",
        "{extends: base.yaml, step_every: epoch}",
        "{extends: base.yaml, optimizer: {momentum: 0.5}, param_groups: [{name: a, momentum: 0.9}]}",
    ],
)
def test_whatever_may_be_written_is_taken(text: str) -> None:
    assert complaints(data_of(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "scheduler: {type: StepLR}",
        "scheduler: {type: StepLR, step_size: 5.5}",
        "scheduler: {type: StepLR, step_size: 5, T_0: 3}",
        "scheduler: {type: StepLR, step_size: 5, metric: step}",
        "scheduler: {type: ReduceLROnPlateau}",
        "scheduler: {type: ReduceLROnPlateau, mode: mn, metric: step}",
        "scheduler: {type: SequentialLR, milestones: [5], schedulers: []}",
        "scheduler: {type: ChainedScheduler, schedulers: [{gamma: 0.9}]}",
        "scheduler: {type: ChainedScheduler, schedulers: [{type: LRScheduler}]}",
        "scheduler: {type: ChainedScheduler, schedulers: [{type: StepLR}]}",
        "scheduler: {type: ChainedScheduler, schedulers: [{type: ReduceLROnPlateau, metric: step}]}",
        "scheduler: {type: transformers.cosine, num_warmup_steps: 5}",
        "scheduler: {type: LambdaLR, lr_lambda: step.real}",
        "{scheduler: {type: ExponentialLR, gamma: 0.9}, param_groups: [{name: a, scheduler: {T_0: 5}}]}",
        "{optimizer: {type: SGD}, param_groups: [{name: a, betas: [0.8, 0.9]}]}",
        "param_groups: [{name: a, momentum: 0.5}]",
        "step_every: epoch",
        "steps_per_epoch: 5",
        "{extends: base.yaml, scheduler: {type: StepLR, gama: 0.5}}",
        "batch_size: [8, {until: 5, size: 3}, 9]",
        "steps: '1000'",
        "optimizer: {lr: '1e-3'}",
    ],
)
def test_what_may_not_be_written_is_refused(text: str) -> None:
    assert complaints(data_of(text)) != []


def test_an_editor_has_something_to_tell_of_every_key() -> None:
    silent = []
    for name, definition in {"top": SCHEMA, **SCHEMA["$defs"]}.items():
        for key, field in definition.get("properties", {}).items():
            if not name.startswith("any_") and "$ref" not in field and "const" not in field:
                silent += [f"{name}.{key}"] if "description" not in field and "enum" not in field else []
    assert silent == []
    fields = SCHEMA["$defs"]["SchedulerSection"]["properties"]
    assert (fields["gamma"]["default"], fields["gamma"]["exclusiveMinimum"]) == (0.97, 0)
    assert SCHEMA["$defs"]["StepLR"]["properties"]["gamma"]["default"] == 0.1
    assert SCHEMA["$defs"]["AdamW"]["properties"]["betas"]["default"] == [0.9, 0.999]


def test_making_it_imports_neither_torch_nor_anything_that_draws() -> None:
    heavy = "import sys; print({'torch', 'transformers', 'numpy', 'matplotlib'} & set(sys.modules))"
    for command in (["schema"], ["init", "--force"], ["init", "-", "--preset", "llama-7b"]):
        code = f"from lrsched_cli.cli.app import app; app({command!r}, standalone_mode=False); {heavy}"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        assert done.stdout.endswith("set()\n"), done.stdout[-200:]
