"""The parts of a schedule file as frozen models: what each key is, and which values it takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from lrsched_cli.core.clock.timeline import DevicePlan
from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.messages import TAG, shown
from lrsched_cli.core.parameters import Parameters, Plain, RealFrom0, Section, WholeFrom0, WholeFrom1
from lrsched_cli.core.patterns import checked_layer_pattern, checked_pattern
from lrsched_cli.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_STEPS = 10_000_000
"""The longest dry run, in scheduler steps: the real scheduler takes each of them."""

OWN_SCHEDULER = "LRScheduler"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_OF_WINDOWS = re.compile(r"(con|prn|aux|nul|(com|lpt)\d)(\..*)?|.*\.", re.IGNORECASE)
"""Devices, whatever follows the dot, and names that lose their end."""
_DEVICES = ("con", "prn", "aux", "nul", "com[0-9]", "lpt[0-9]")
# A schema's pattern knows of no case that does not matter.
_ANY_CASE = "|".join(re.sub("[a-z]", lambda one: f"[{one[0].upper()}{one[0]}]", name) for name in _DEVICES)
_IN_WINDOWS = rf"(?:{_ANY_CASE})(?:\.|$)|.*\.$"


def is_file_name(value: str) -> bool:
    """Whether a text can be a schedule's name, which names the output files, on every system."""
    return _FILE_NAME.fullmatch(value) is not None and _OF_WINDOWS.fullmatch(value) is None


def _file_name(value: str) -> str:
    if _FILE_NAME.fullmatch(value) is None:
        raise ValueError(
            "names the output files: letters, digits, '.', '_' and '-', not starting with '.' or '-', "
            f"100 at most (got {shown(value)})"
        )
    if _OF_WINDOWS.fullmatch(value):
        raise ValueError(f"names the output files, and Windows has no file of this name (got {shown(value)})")
    return value


def _printable(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError(f"must be text on one line, without control characters (got {shown(value)})")
    return value


Text = Annotated[str, Field(strict=True)]
FileName = Annotated[
    Text,
    BeforeValidator(lambda value: _file_name(value) if isinstance(value, str) else value),
    WithJsonSchema({"type": "string", "pattern": f"^(?!{_IN_WINDOWS}){_FILE_NAME.pattern}$"}),
]
Label = Annotated[
    Text,
    BeforeValidator(lambda value: _printable(value) if isinstance(value, str) else value),
    WithJsonSchema(
        {"type": "string", "pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*$"}
    ),
]
Steps = Annotated[int, Plain, Field(strict=True, ge=1, le=MAX_STEPS)]
NamePattern = Annotated[Label, AfterValidator(checked_pattern)]
LayerFactor = Annotated[float, Plain, Field(strict=True, gt=0, le=1, allow_inf_nan=False)]


class BatchPhase(Section):
    """A batch size, in samples, through scheduler step ``until``; or the three numbers that make it."""

    until: WholeFrom1 | None = None
    size: WholeFrom1 | None = None
    per_device: WholeFrom1 | None = None
    devices: WholeFrom1 | None = None
    accumulate: WholeFrom1 | None = None

    @model_validator(mode="after")
    def _one_way_of_saying_it(self) -> BatchPhase:
        parts = {"per_device", "devices", "accumulate"} & self.model_fields_set
        if self.size is not None and parts:
            raise ValueError(f"gives both size and {min(parts)}; give one or the other")
        if self.size is None and self.per_device is None:
            raise ValueError("needs a size, or per_device (with devices and accumulate)")
        return self

    @property
    def device_plan(self) -> DevicePlan:
        """What an update is made of; a plain size is one micro-batch of one device."""
        return DevicePlan(self.size or self.per_device or 1, self.devices or 1, self.accumulate or 1)

    @property
    def effective_size(self) -> int:
        """Samples per update."""
        return self.device_plan.size


def batch_phases(value: Any) -> Any:
    """Every way of writing a batch plan as a list of phases."""
    if value is None:
        return ()
    if isinstance(value, dict):
        return (value,)
    if isinstance(value, list):
        return tuple({"size": one} if not isinstance(one, dict) else one for one in value)
    return ({"size": value},)


class OptimizerSection(Section):
    """The optimizer's class, and its arguments under torch's own names."""

    model_config = ConfigDict(extra="allow")

    type: Text = "Adam"
    lr: RealFrom0 | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments for the class, but ``lr``; lists as tuples, as torch wants them."""
        return _settings(self.model_extra)


def _settings(extra: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in (extra or {}).items()}


class ImportSection(Section):
    """A function of the user's own, as ``package.module:function``; it runs only where that is allowed."""

    import_: Text = Field(alias="import")


def _custom_lambda(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return Expression(value)
        except ExpressionError as error:
            raise ValueError(f"{error} (got {shown(value)})") from None
    if isinstance(value, dict) and isinstance(value.get("import"), str) and len(value) == 1:
        return ImportSection.model_validate(value)
    if value is None or isinstance(value, Expression | ImportSection):
        return value
    raise ValueError(
        'must be a formula of step as text, {import: "package.module:function"} or null '
        f"(got {shown(value)})"
    )


def as_written(value: Any) -> Any:
    """A setting's value as the file has it: formulas and imported functions as their text."""
    if isinstance(value, Expression):
        return value.text
    return value.import_ if isinstance(value, ImportSection) else value


class GroupScheduler(Parameters):
    """A schedule's parameters with the custom factor; for one group, only those that it states count."""

    custom_lambda: Annotated[Expression | ImportSection | None, BeforeValidator(_custom_lambda)] = None


class SchedulerSection(GroupScheduler):
    """The schedule of all groups, by this package's own scheduler."""

    type: Text = OWN_SCHEDULER


class CsvColumn(Section):
    """A column of numbers in a CSV file, one row for each scheduler step; relative to the schedule file."""

    csv: Text
    column: Text


def _metric(value: Any) -> Any:
    if isinstance(value, dict):
        return CsvColumn.model_validate(value)
    if isinstance(value, str):
        return _custom_lambda(value)
    if value is None or isinstance(value, Expression | CsvColumn):
        return value
    raise ValueError(
        f"must be a formula of step as text, or {{csv: FILE, column: NAME}} (got {shown(value)})"
    )


class LibraryScheduler(Section):
    """A scheduler of another library, and its arguments under the library's own names."""

    model_config = ConfigDict(extra="allow")

    type: Text
    metric: Annotated[Expression | CsvColumn | None, BeforeValidator(_metric)] = None


_OWN_TAG, _LIBRARY_TAG = f"{TAG}own scheduler", f"{TAG}scheduler of a library"


def _scheduler_tag(value: Any) -> str:
    kind = value.get("type", OWN_SCHEDULER) if isinstance(value, dict) else getattr(value, "type", None)
    return _LIBRARY_TAG if isinstance(kind, str) and kind != OWN_SCHEDULER else _OWN_TAG


AnyScheduler = Annotated[
    Annotated[SchedulerSection, Tag(_OWN_TAG)] | Annotated[LibraryScheduler, Tag(_LIBRARY_TAG)],
    Discriminator(_scheduler_tag),
]


class NoWeightDecay(Section):
    """The parameters whose weight decay is 0: those of these names, and those of few dimensions."""

    match: tuple[NamePattern, ...] = Field(default=(), description="patterns on parameter names")
    dims_below: WholeFrom1 | None = Field(None, description="also those with fewer dimensions than this")

    @model_validator(mode="after")
    def _says_which(self) -> NoWeightDecay:
        if not self.match and self.dims_below is None:
            raise ValueError("needs match, dims_below, or both")
        return self


EMBEDDINGS = r"re:(?<!un)embed(?!_out)|_tokens?$|(^|\.)(wte|wpe|conv_proj|stem)\."
"""What is taken for embeddings where a file does not say it: position, patch and word embeddings, tokens."""


class LayerDecay(Section):
    """Smaller LRs for lower layers: each one ``factor`` times that of the layer above it.

    The convention is that of ELECTRA (Clark et al. 2020), BEiT (Bao et al. 2021) and MAE (He et al. 2021):
    embeddings are layer 0, the numbered layers 1 to L, and everything else (head, last norm) is layer
    L + 1, which keeps the base LR.
    """

    layer: Annotated[Label, AfterValidator(checked_layer_pattern)]
    factor: LayerFactor
    embeddings: tuple[NamePattern, ...] = Field(default=(EMBEDDINGS,), description="what is layer 0")


class ParamGroup(Section):
    """A param group: its base LR, the parameters that belong to it, and what differs from the rest."""

    model_config = ConfigDict(extra="allow")

    name: Label
    lr: RealFrom0 | None = None
    shapes: dict[Label, tuple[WholeFrom0, ...]] = Field(default={}, description="dummy parameters")
    match: tuple[NamePattern, ...] = Field(default=(), description="patterns on parameter names")
    scheduler: GroupScheduler | None = None
    no_weight_decay: NoWeightDecay | None = None
    layer_decay: LayerDecay | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The optimizer's arguments that this group states for itself."""
        return _settings(self.model_extra)
