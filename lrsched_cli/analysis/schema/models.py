"""The models of a schedule file as JSON Schema: pydantic's, in the words of JSON Schema alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from lrsched_cli.analysis.schema.values import FORMULA, REFERENCE, as_list, as_written, ref, with_units
from lrsched_cli.core.clock.units import EPOCHS, SAMPLES, SHARE, TOKENS, UNITS
from lrsched_cli.core.expressions import Expression

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import core_schema

    from lrsched_cli.analysis.schema.values import JsonSchema

_LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}

_DESCRIPTIONS = {
    "Schedule.name": "names the outputs: letters, digits, '.', '_' and '-'; by default the file's stem",
    "Schedule.description": "one line of free text",
    "Schedule.loop": "which step() comes first in your training loop",
    "Schedule.optimizer": "the optimizer's class in torch.optim, and its arguments",
    "Schedule.param_groups": "the param groups; by default one of all parameters, named default",
    "Schedule.scheduler": "the scheduler of all groups: this package's own, or another by its type",
    "BatchPhase.until": "last scheduler step of the phase; the last phase has none",
    "BatchPhase.size": "effective batch size, in samples per update",
    "BatchPhase.per_device": "samples of a device in one pass",
    "BatchPhase.devices": "how many devices train together",
    "BatchPhase.accumulate": "passes of which an update accumulates the gradients",
    "GroupScheduler.custom_lambda": "an extra factor: a formula of the scheduler step, or your own function",
    "ImportSection.import": "package.module:function; runs only under --trust",
    "CsvColumn.csv": "a CSV file with a header, relative to the schedule file",
    "CsvColumn.column": "the column with the numbers, one row for each scheduler step",
    "OptimizerSection.type": "a class of torch.optim",
    "OptimizerSection.lr": "base LR of the groups that state none; by default that of the class",
    "ParamGroup.name": "how the group is called in outputs, in --set and in the optimizer",
    "ParamGroup.lr": "base LR; by default the optimizer's",
    "ParamGroup.shapes": "dummy parameters for lrsched show, as {name: [sizes]}",
    "ParamGroup.match": "glob patterns on the model's parameter names; by default the group takes the rest",
    "ParamGroup.scheduler": "this group's own schedule; what it leaves out is that of all groups",
    "Schedule.no_weight_decay": "the parameters of all groups whose weight decay is 0",
    "Schedule.layer_decay": "smaller LRs for lower layers, in all groups",
    "ParamGroup.no_weight_decay": "the parameters of this group whose weight decay is 0",
    "ParamGroup.layer_decay": "smaller LRs for lower layers, in this group",
    "LayerDecay.layer": r"re: and a pattern whose one group is the layer's number, as in re:blocks\.(\d+)\.",
    "LayerDecay.factor": "the LR of a layer is this much of that of the layer above it",
    "LibraryScheduler.type": "the scheduler's class",
    "LibraryScheduler.metric": "what the scheduler is stepped with: a formula of the scheduler step, "
    "or {csv: FILE, column: NAME}",
}
"""What an editor tells of the fields whose models do not say it themselves."""

_ABSOLUTE = tuple(unit for unit in UNITS if unit != SHARE)
_UNITS = {
    "Schedule.steps": _ABSOLUTE,  # a share of itself says nothing
    "Schedule.steps_per_epoch": UNITS,
    "BatchPhase.until": UNITS,
    "GroupScheduler.warmup_steps": UNITS,
    "GroupScheduler.T_0": UNITS,
    "RunLength.epochs": (EPOCHS,),
    "RunLength.samples": (SAMPLES,),
    "RunLength.tokens": (TOKENS,),
}
"""The fields that may be written in units."""

_PATTERNS = {
    "ImportSection.import": {"pattern": REFERENCE, "patternErrorMessage": "must be package.module:function"},
    "LayerDecay.layer": {
        "pattern": r"^re:(?=.*\((?!\?(?!P<)))[^\x00-\x1f\x7f-\x9f]+$",
        "patternErrorMessage": "must be re: and a regular expression with one group",
    },
}
"""Texts of which a function says more than their type."""


_FORMULA = {"type": "string", "format": FORMULA}


class _Generator(GenerateJsonSchema):
    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> dict[str, Any]:
        """A formula stands in files as its text."""
        return _FORMULA if schema["cls"] is Expression else super().is_instance_schema(schema)


def definitions_of(model: type[BaseModel]) -> dict[str, JsonSchema]:
    """The schema of a model and of all models that it is made of, by their names."""
    document = model.model_json_schema(schema_generator=_Generator)
    found = {**document.pop("$defs", {}), model.__name__: document}
    return {name: _described(name, _cleaned(one)) for name, one in found.items()}


def _described(name: str, schema: JsonSchema) -> JsonSchema:
    inherited = {"SchedulerSection": "GroupScheduler"}.get(name, name)
    for key, field in [*schema.get("properties", {}).items()]:
        known = _DESCRIPTIONS.get(f"{name}.{key}") or _DESCRIPTIONS.get(f"{inherited}.{key}")
        if known and "description" not in field:
            field["description"] = known
        units = _UNITS.get(f"{name}.{key}") or _UNITS.get(f"{inherited}.{key}")
        written = with_units(field, units) if units else field
        schema["properties"][key] = {**written, **_PATTERNS.get(f"{name}.{key}", {})}
    return schema


def _cleaned(schema: Any) -> Any:
    """No titles, ``null`` among the types, JSON Schema's words for limits, no whole sections as defaults."""
    if isinstance(schema, list):
        return [_cleaned(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema == _FORMULA:
        return ref(FORMULA)
    found: JsonSchema = {}
    for key, value in schema.items():
        if key == "properties":
            found["properties"] = {name: _cleaned(one) for name, one in value.items()}
        elif key in {"enum", "const"} or (key == "default" and not isinstance(value, dict | list)):
            found[str(key)] = value
        elif key not in {"title", "default"}:
            found[_LIMITS.get(str(key), str(key))] = _cleaned(value)
    return as_written(_with_null(found))


def _with_null(schema: JsonSchema) -> JsonSchema:
    """``{"type": ["integer", "null"]}`` in place of an ``anyOf`` of the two."""
    options = schema.get("anyOf", [])
    others = [one for one in options if one != {"type": "null"}]
    if len(others) != 1 or len(options) == 1 or "type" not in others[0]:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**others[0], "type": [*as_list(others[0]["type"]), "null"], **rest}
