"""The families of schedulers that a file can name under ``scheduler.type``: one module and one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.core.families.imported import ImportedFamily
from lrsched_cli.core.families.own import OwnFamily
from lrsched_cli.core.families.torch_optim import TorchFamily
from lrsched_cli.core.families.transformers import TransformersFamily

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from lrsched_cli.core.families.family import Family

FAMILIES: tuple[Family, ...] = (OwnFamily(), TransformersFamily(), ImportedFamily(), TorchFamily())
"""The first that has a type is asked about it."""


def family_of(kind: str) -> Family:
    """The family that a ``scheduler.type`` belongs to, by the way it is written."""
    return next(one for one in FAMILIES if one.has(kind))


def is_a_scheduler(name: str) -> bool:
    """Whether a class's name, with or without its module, is that of a known scheduler or ends like one."""
    return name.endswith(tuple(one for family in FAMILIES for one in family.names()))


def alike(state: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two saved states look like those of one type, and their parts as well."""
    kinds = kind_of_state(state), kind_of_state(other)
    if kinds[0] != kinds[1]:
        return False
    if not kinds[0]:
        return state.keys() == other.keys()
    parts, others = (_parts(one) for one in (state, other))
    return len(parts) == len(others) and all(map(alike, parts, others))


def _parts(state: Mapping[str, Any]) -> list[Any]:
    """The states inside of a state."""
    lists = [one for one in state.values() if isinstance(one, list | tuple)]
    return [part for one in lists for part in one if isinstance(part, dict) and part.keys() & {"last_epoch"}]


def kind_of_state(state: Mapping[str, Any]) -> str:
    """Of which type a scheduler's saved state looks; empty where it looks like none."""
    return next((kind for one in FAMILIES if (kind := one.kind_of_state(state))), "")
