"""The numbers of param groups besides their LRs: what a run makes of them, row by row."""

from __future__ import annotations

import math
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Groups = Sequence[Mapping[str, Any]]

LR = "lr"
"""What the LRs are called among the numbers of a param group."""

_NO_SETTINGS = {"params", "param_names", "name", LR, "initial_lr"}
_CHANGES_AT_A_TIME = 4096
_UNCHANGEABLE = (float, int, str, type(None))


class Settings(NamedTuple):
    """The numbers by name: of shape (rows, groups) where the run changes them, else (groups,).

    NaN for a group that has no such number.
    """

    changing: Mapping[str, Floats]
    constant: Mapping[str, Floats]


class SettingsReader:
    """Reads the numbers of the param groups; most runs change none of them, so only changes are kept."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._places = [
            _Place(index, key, element)
            for index, group in enumerate(groups)
            for key, value in group.items()
            if key not in _NO_SETTINGS
            for element in _elements(value)
        ]
        keys = [dict.fromkeys(one.key for one in self._places if one.group == i) for i in range(len(groups))]
        # One more key, as of a single one itemgetter gives no tuple.
        self._getters = [
            (group, itemgetter(*some, "params")) for group, some in zip(groups, keys, strict=True) if some
        ]
        self._seen: list[Any] = []
        self._can_tell = False
        self._changed_at: list[int] = []
        self._changes: list[list[float]] = []
        self._blocks: list[Floats] = []

    def read(self, row: int) -> None:
        """Read what stands there at ``row``, the rows from 0 on in their order."""
        try:
            seen = [get(group) for group, get in self._getters]
        except KeyError:  # a setting was taken away
            seen, self._can_tell = [], False
        if self._can_tell and seen == self._seen:
            return
        self._seen = seen
        values = [self._groups[place.group].get(place.key) for place in self._places]
        # What can be changed where it is, such as a tensor, always has to be read.
        self._can_tell = all(_is_unchangeable(value) for value in values)
        numbers = [_number(value, place.element) for value, place in zip(values, self._places, strict=True)]
        if not self._changed_at or numbers != self._changes[-1]:
            self._changed_at.append(row)
            self._changes.append(numbers)
        if len(self._changes) > _CHANGES_AT_A_TIME:
            self._blocks.append(np.array(self._changes[:-1]))
            del self._changes[:-1]

    def settings(self, rows: int) -> Settings:
        """What was read at so many rows."""
        changes = np.concatenate([*self._blocks, np.array(self._changes)])
        lasting = np.diff(self._changed_at, append=rows)
        changing: dict[str, Floats] = {}
        constant: dict[str, Floats] = {}
        for name in dict.fromkeys(place.name for place in self._places):
            found = np.full((len(changes), len(self._groups)), math.nan)
            for column, place in enumerate(self._places):
                if place.name == name:
                    found[:, place.group] = changes[:, column]
            if np.array_equal(found, np.broadcast_to(found[0], found.shape), equal_nan=True):
                constant[name] = found[0]
            else:
                changing[name] = np.repeat(found, lasting, axis=0)
        for values in (*changing.values(), *constant.values()):
            values.setflags(write=False)
        return Settings(MappingProxyType(changing), MappingProxyType(constant))


class _Place(NamedTuple):
    """Where a number stands: under a key of a group, or as one of several there."""

    group: int
    key: str
    element: int | None

    @property
    def name(self) -> str:
        return self.key if self.element is None else f"{self.key}[{self.element}]"


def _is_unchangeable(value: Any) -> bool:
    return isinstance(value, _UNCHANGEABLE) or (
        isinstance(value, tuple) and all(isinstance(one, _UNCHANGEABLE) for one in value)
    )


def _elements(value: Any) -> Iterator[int | None]:
    """Where the numbers are in a setting: it may be one itself, or hold several."""
    if isinstance(value, tuple | list):
        yield from (place for place, one in enumerate(value) if not math.isnan(number_of(one)))
    elif not math.isnan(number_of(value)):
        yield None


def _number(value: Any, element: int | None) -> float:
    """A setting, or one of several in it, as a number; NaN where it is none."""
    if element is None:
        return number_of(value)
    inside = isinstance(value, tuple | list) and element < len(value)
    return number_of(value[element]) if inside else math.nan


def number_of(value: Any) -> float:
    """A value as a number; NaN where it is none."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        return math.nan
