"""The scheduler's saved state: its form, its reading, and how it differs from a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lrsched_cli.core.law import Position
from lrsched_cli.core.messages import message_for
from lrsched_cli.core.parameters import LARGEST_WHOLE, Plain
from lrsched_cli.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMAT_VERSION = 1

Real = Annotated[float, Plain, Field(strict=True, allow_inf_nan=False)]
# A cycle may be longer than any run, but T_0 times T_mult, both at most 2**53, is as far as it gets.
Whole = Annotated[int, Plain, Field(strict=True, ge=0, le=LARGEST_WHOLE**2)]


class _Saved(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    T_cur: Whole
    T_i: Annotated[Whole, Field(ge=1)]
    cycle: Whole
    lr_scale: Real | None = None

    @model_validator(mode="after")
    def _inside_its_cycle(self) -> Self:
        if self.T_cur >= self.T_i:
            raise ValueError(f"T_cur must be below T_i (got {self.T_cur} and {self.T_i})")
        return self

    @property
    def position(self) -> Position:
        """The saved place in the cycles."""
        return Position(self.T_cur, self.T_i, self.cycle)


class SavedGroup(_Saved):
    """One param group: ``lr_scale`` is None where no step has scheduled the group yet."""

    name: str | None = None
    base_lr: Real
    overrides: dict[str, Any] = {}


class SavedState(_Saved):
    """A whole state. A bare one has ``global_step``, ``T_i``, ``T_cur`` and ``cycle`` alone."""

    format_version: int = FORMAT_VERSION
    global_step: Whole
    batch_size: Real | None = None
    groups: tuple[SavedGroup, ...] | None = None
    hyperparameters: dict[str, Any] | None = None
    custom_lambda: bool = False

    @property
    def is_bare(self) -> bool:
        """Whether the state says nothing of the configuration that it was saved under."""
        return self.groups is None

    @model_validator(mode="after")
    def _bare_or_whole(self) -> SavedState:
        whole = {"format_version", "lr_scale", "batch_size", "groups", "hyperparameters", "custom_lambda"}
        missing = whole - self.model_fields_set
        if missing and self.model_fields_set & (whole - {"lr_scale"}):
            raise ValueError(f"{', '.join(sorted(missing))} missing")
        return self

    def group(self, index: int, name: str | None) -> SavedGroup | None:
        """The saved group of this name, else the one at this index where neither has a name to go by."""
        saved = self.groups or ()
        if name is not None:
            for candidate in saved:
                if candidate.name == name:
                    return candidate
        return saved[index] if index < len(saved) else None


def read_state(state: Mapping[str, Any]) -> SavedState:
    """Check a state dict. Raises StateError, naming every field that is missing or of a wrong kind."""
    try:
        saved = SavedState.model_validate(dict(state))
    except (ValidationError, TypeError, ValueError) as error:
        raise StateError(f"this is no state of LRScheduler: {_reasons(error)}") from None
    if saved.format_version > FORMAT_VERSION:
        raise StateError(
            f"this state has format {saved.format_version}, written by a newer version; "
            f"this one reads up to {FORMAT_VERSION}"
        )
    return saved


def _reasons(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "it must be a dict"
    return "; ".join(
        f"{'.'.join(map(str, one['loc']))} {message_for(one, SavedState)}" for one in error.errors()
    )


def differences(saved: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[str]:
    """Each setting that differs between two full states, as ``setting: saved → current``."""
    names = ([group["name"] for group in saved["groups"]], [group["name"] for group in current["groups"]])
    if len(names[0]) != len(names[1]):
        yield f"number of param groups: {len(names[0])} → {len(names[1])}"
    elif names[0] != names[1]:
        yield f"names of the param groups: {_listed(names[0])} → {_listed(names[1])}"
    yield from _changed("", saved["hyperparameters"], current["hyperparameters"])
    if saved["custom_lambda"] != current["custom_lambda"]:
        yield f"custom_lambda: {_set(saved['custom_lambda'])} → {_set(current['custom_lambda'])}"
    by_name = {group["name"]: group for group in saved["groups"] if group["name"] is not None}
    for index, new in enumerate(current["groups"]):
        old = by_name.get(new["name"]) or (saved["groups"][index] if index < len(names[0]) else new)
        label = f"group {new['name'] or index}"
        if old["base_lr"] != new["base_lr"]:
            yield f"{label}, base LR: {old['base_lr']!r} → {new['base_lr']!r}"
        yield from _changed(f"{label}, ", old["overrides"], new["overrides"])


def _changed(label: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, "not set"), new.get(key, "not set")
        if before != after:
            yield f"{label}{key}: {before} → {after}"


def _listed(names: list[str | None]) -> str:
    return ", ".join(name or "(unnamed)" for name in names)


def _set(value: bool) -> str:  # noqa: FBT001 - a word for a flag
    return "set" if value else "not set"
