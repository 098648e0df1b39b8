"""The JSON Schema takes every good file and refuses every bad one, as far as a schema can."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from lrsched_cli import load_schedule
from lrsched_cli.analysis.schema.document import schedule_schema, schema_text
from lrsched_cli.core.families import FAMILIES
from lrsched_cli.core.shipped import shipped_names, shipped_path
from lrsched_cli.core.signatures import optimizer_arguments, optimizer_names
from lrsched_cli.core.yaml_source import read_yaml
from lrsched_cli.errors import ScheduleFileError

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


RUN = "{epochs: 3, dataset_size: 1000, tokens_per_sample: 10}"
PLAN = "batch_size: [{until: 20, size: 8}, 16]"


def is_loaded(text: str) -> bool:
    Path("s.yaml").write_text(text)
    try:
        load_schedule("s.yaml", trust=True)
    except ScheduleFileError:
        return False
    return True


@pytest.mark.parametrize("place", ["steps", "warmup_steps", "T_0", "until", "T_max", "milestones", "epochs"])
@pytest.mark.parametrize(
    "written",
    [  # good in most places
        *("5", "1_000", "2ep", "0.5ep", "10%", "0.1 %", "2Ktok", "2e3tok", "1_000sa", "0.1Ksa", "' 1ep '"),
        # not in most
        *("0", "0ep", "0.0e5 sa", "-5ep", ".5ep", "5epochs", "5 ep ep", "1.5.2ep", "5Kep", "5ktokens", "ep"),
        *("5%%", "5.5", "true", "[5]", "{a: 5}", "null", "'5'", "1__0ep", "5e-1ep", "2QSA", "5EP"),
        "0" * 60 + "5ep",
    ],
)
def test_a_count_is_taken_where_the_loader_takes_it(place: str, written: str) -> None:
    text = {
        "steps": f"{{steps: {written}, batch_size: 8}}",
        "warmup_steps": f"{{steps: {RUN}, batch_size: 8, scheduler: {{warmup_steps: {written}}}}}",
        "T_0": f"{{steps: {RUN}, batch_size: 8, "
        f"param_groups: [{{name: a, scheduler: {{warmup_steps: 0, T_0: {written}}}}}]}}",
        "until": f"{{steps: {{updates: 5000, dataset_size: 1000, tokens_per_sample: 10}}, "
        f"batch_size: [{{until: {written}, size: 8}}, 16]}}",
        "T_max": f"{{steps: {RUN}, batch_size: 8, scheduler: {{type: CosineAnnealingLR, T_max: {written}}}}}",
        "milestones": f"{{steps: {RUN}, batch_size: 8, scheduler: "
        f"{{type: MultiStepLR, milestones: [{written}]}}}}",
        "epochs": f"{{steps: {{epochs: {written}, dataset_size: 1000}}, batch_size: 8}}",
    }[place]
    # What only the mapping can say is missing, which takes arithmetic.
    needs_more = place == "steps" and written in {"2ep", "0.5ep", "' 1ep '", "2Ktok", "2e3tok"}
    assert (complaints(data_of(text)) == []) == (is_loaded(text) or needs_more)


@pytest.mark.parametrize(
    "steps",
    [
        *("{epochs: 3}", "{epochs: 3, updates: 5}", "{}", "{dataset_size: 5}", "{updates: 1_000}"),
        *("{updates: 5, epochs: null}", "{epochs: 3, updates: null, dataset_size: 9}", "{epochs: 3ep}"),
        *("{epochs: 3sa}", "{epochs: -1}", "{epochs: 10%}", "{updates: 5ep}", "{updates: 5, rounding: off}"),
        *("{updates: 5, drop_last: 1}", "{updates: 5, size: 3}", "{samples: 1_000.5}", "{samples: 0}", "10%"),
    ],
)
def test_a_length_is_taken_where_the_loader_takes_it(steps: str) -> None:
    text = f"{{steps: {steps}, batch_size: 8}}"
    needs_more = steps in {"{epochs: 3}", "{epochs: 3ep}"}  # the size of the data set, which is arithmetic
    assert (complaints(data_of(text)) == []) == (is_loaded(text) or needs_more)


@pytest.mark.parametrize(
    "text",
    [
        "{steps: {epochs: 3, dataset_size: 100}, batch_size: 8, step_every: epoch}",
        "{steps: {epochs: 3, dataset_size: 100}, batch_size: 8, step_every: epoch, steps_per_epoch: 1ep}",
        "{steps: {updates: 30}, batch_size: 8, step_every: epoch}",
        "{steps: 30, step_every: epoch}",
        "batch_size: [8, {until: 5, size: 3}]",
        "batch_size: [{until: 5, size: 3}, 8, {until: 9, size: 3}, {until: 11, size: 3}]",
        *("name: con", "name: NUL.x", "name: a.", "name: conx", "name: com1", "name: com", "name: a.b"),
        *("no_weight_decay: {}", "no_weight_decay: {match: []}", "no_weight_decay: {dims_below: null}"),
        *("no_weight_decay: {match: ['*.bias']}", "no_weight_decay: {match: [], dims_below: 2}"),
        "param_groups: [{name: a, no_weight_decay: {}}]",
        *("layer_decay: {layer: blocks, factor: 0.5}", "layer_decay: {layer: 're:blocks', factor: 0.5}"),
        "layer_decay: {layer: 're:blocks.(?:.)', factor: 0.5}",
        *(r"layer_decay: {layer: 're:blocks\.(\d+)', factor: 0.5}", "layer_decay: null"),
        "scheduler: {custom_lambda: {import: train}}",
        "scheduler: {type: ReduceLROnPlateau, metric: null}",
        *("scheduler: {custom_lambda: '0x10 * step'}", "scheduler: {custom_lambda: 0b1 + 0o7}"),
        *("scheduler: {custom_lambda: 2j}", "scheduler: {custom_lambda: '0x'}"),
        *("scheduler: {type: LambdaLR, lr_lambda: '0xff'}", "scheduler: {type: LambdaLR, lr_lambda: 2pi}"),
        "{steps: 9, scheduler: {type: LambdaLR, lr_lambda: '1'}}",
        f"{{steps: {RUN}, batch_size: 8, scheduler: {{type: OneCycleLR, max_lr: 1, epochs: 3ep}}}}",
    ],
)
def test_what_one_value_can_be_the_schema_and_the_loader_agree_on(text: str) -> None:
    assert (complaints(data_of(text)) == []) == is_loaded(text)


def test_the_files_of_the_page_on_the_clock_are_taken() -> None:
    page = (Path(__file__).parents[3] / "docs" / "clock.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        assert complaints(data_of(block)) == []


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
