"""Where a checkpoint has what belongs to a resume: the optimizer's state, the scheduler's, the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lrsched_cli.core.files.plain_data import Opaque
from lrsched_cli.core.parameters import plain_number
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    How = Literal["given", "default", "usual name", "whole file"]

MISSING = object()
"""What stands for an entry that is not there; None is an entry."""

_MOST_KEYS = 8
_LONGEST = 40
_LONGEST_INDEX = 9  # digits
_BEYOND_COUNTING = 2**63  # larger whole numbers count nothing, and need not fit into a double
_NAMES = {
    "optimizer": (
        "optimizer",
        "optimizer_state_dict",
        "optimizer_states.0",
        "optimizer_state",
        "optim_state_dict",
        "optim",
        "opt",
        "optimizers.0",
        "opt_state_dict",
    ),
    "scheduler": (
        "scheduler",
        "scheduler_state_dict",
        "lr_scheduler",
        "lr_scheduler_state_dict",
        "lr_schedulers.0",
        "scheduler_state",
        "lr_scheduler_state",
        "sched",
        "lr_sched",
        "schedulers.0",
    ),
    "step": ("step", "global_step", "iteration", "iter", "steps", "num_updates", "n_iter", "it", "update"),
}
"""The names that are tried where no key is given: the default, then those in common use."""


@dataclass(frozen=True, slots=True)
class CheckpointKeys:
    """Where the parts stand: dotted paths, numbers for places in a list. None: the usual names are tried."""

    optimizer: str | None = None
    scheduler: str | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True)
class FoundPart:
    """An entry of the file, under which key it stands, and why that one was taken."""

    key: str
    """Empty where the file as a whole is this part."""
    value: Any
    how: How


@dataclass(frozen=True, slots=True)
class Parts:
    """What a checkpoint has; None for a part that it lacks. One of ``optimizer``, ``scheduler`` is there."""

    optimizer: FoundPart | None
    scheduler: FoundPart | None
    step: FoundPart | None


def find_parts(content: Any, keys: CheckpointKeys, path: Path) -> Parts:
    """Find the parts of what was read from ``path``.

    Raises UsageError: a key that was given and is not there (with the keys that are), an entry of a wrong
    kind, a file with neither an optimizer's nor a scheduler's state.
    """
    if not isinstance(content, Mapping | list | tuple):
        raise UsageError(f"{path}: holds {kind_text(content)}, where a checkpoint is a dict")
    finder = _Finder(content, path)
    whole = "" if keys.optimizer or keys.scheduler else _kind_of_whole(content)
    as_whole = FoundPart("", content, "whole file")
    optimizer = as_whole if whole == "optimizer" else None
    scheduler = as_whole if whole == "scheduler" else None
    parts = Parts(
        optimizer=optimizer or (None if whole else finder.state("optimizer", keys.optimizer)),
        scheduler=scheduler or (None if whole else finder.state("scheduler", keys.scheduler)),
        # A scheduler's state has a step of its own, which is no second opinion.
        step=None if whole and keys.step is None else finder.step(keys.step),
    )
    if parts.optimizer is None and parts.scheduler is None:
        raise UsageError(f"{path}: {_nothing_found(content)}")
    return parts


def entry_at(content: Any, key: str) -> Any:
    """The entry at a dotted path, ``MISSING`` where there is none; a key that has dots itself goes first.

    >>> entry_at({"lr_schedulers": [{"last_epoch": 3}]}, "lr_schedulers.0.last_epoch")
    3
    """
    if not key:
        return content
    if isinstance(content, list | tuple):
        first, _, rest = key.partition(".")
        inside = first.isdecimal() and len(first) <= _LONGEST_INDEX and int(first) < len(content)
        return entry_at(content[int(first)], rest) if inside else MISSING
    if not isinstance(content, Mapping):
        return MISSING
    by_text = {str(one): one for one in content}
    for first, rest in _splits(key):
        if first in by_text:
            found = entry_at(content[by_text[first]], rest)
            if found is not MISSING:
                return found
    return MISSING


def _splits(key: str) -> list[tuple[str, str]]:
    """The ways of taking a first key off a path, the longest first."""
    parts = key.split(".")
    return [(".".join(parts[:end]), ".".join(parts[end:])) for end in range(len(parts), 0, -1)]


class _Finder:
    def __init__(self, content: Any, path: Path) -> None:
        self._content = content
        self._path = path

    def state(self, part: Literal["optimizer", "scheduler"], key: str | None) -> FoundPart | None:
        """The state dict of a part; None where no key is given and no usual name is there."""
        wanted = f"must be a dict, as {part}.state_dict() gives it"
        if key is not None:
            return self._given(part, key, _is_dict, wanted)
        # An entry of the default name may be the settings, with the state under another name.
        likely = _is_optimizer if part == "optimizer" else _is_scheduler
        found = self._usual(part, likely) or self._usual(part, _is_dict)
        value = entry_at(self._content, part)
        if found is None and value is not MISSING and value is not None:
            raise self._wrong_kind(part, part, wanted, value)
        return found

    def step(self, key: str | None) -> FoundPart | None:
        """The step; None where no key is given and no usual name holds a whole number."""
        found = (
            self._usual("step", _is_whole)
            if key is None
            else self._given("step", key, _is_whole, "must be a whole number, 0 or more")
        )
        return found and FoundPart(found.key, whole(found.value), found.how)

    def _usual(self, part: str, fits: Callable[[Any], bool]) -> FoundPart | None:
        for name in _NAMES[part]:
            value = entry_at(self._content, name)
            if value is not MISSING and fits(value):
                return FoundPart(name, value, "default" if name == part else "usual name")
        return None

    def _given(self, part: str, key: str, fits: Callable[[Any], bool], wanted: str) -> FoundPart:
        value = entry_at(self._content, key)
        if value is MISSING:
            raise self._missing(part, key)
        if not fits(value):
            raise self._wrong_kind(part, key, wanted, value)
        return FoundPart(key, value, "given")

    def _missing(self, part: str, key: str) -> UsageError:
        above, inside = "", self._content
        for end in range(key.count("."), 0, -1):
            shorter = ".".join(key.split(".")[:end])
            if (found := entry_at(self._content, shorter)) is not MISSING:
                above, inside = f"{shorter} ", found
                break
        return UsageError(
            f"{self._path}: has no entry {key!r} (--{part}-key); {above or 'it '}has {keys_text(inside)}"
        )

    def _wrong_kind(self, part: str, key: str, wanted: str, value: Any) -> UsageError:
        inner = f"{key}.0" if isinstance(value, list | tuple) and value else "another key"
        return UsageError(
            f"{self._path}: {key}: {wanted} (got {kind_text(value)}); give {inner} with --{part}-key"
        )


def _is_dict(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_optimizer(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("param_groups"), list | tuple)


def _is_scheduler(value: Any) -> bool:
    return isinstance(value, Mapping) and looks_like_a_scheduler(value)


def _is_whole(value: Any) -> bool:
    return whole(value) is not None


def _kind_of_whole(content: Any) -> Literal["optimizer", "scheduler", ""]:
    """Whether a file is one state alone, as Hugging Face's optimizer.pt and scheduler.pt are."""
    if _is_optimizer(content):
        return "optimizer"
    return "scheduler" if _is_scheduler(content) else ""


def looks_like_a_scheduler(state: Mapping[Any, Any]) -> bool:
    """Whether a dict has the keys of a scheduler's state, this package's or one of torch's."""
    ours = {"global_step", "T_cur", "T_i", "cycle"} <= state.keys() or "format_version" in state
    torchs = "last_epoch" in state and state.keys() & {"_last_lr", "base_lrs", "_step_count"}
    return bool(ours or torchs or {"_schedulers", "_last_lr"} <= state.keys())


def _nothing_found(content: Any) -> str:
    if isinstance(content, Mapping) and content and all(map(_is_tensor, content.values())):
        return (
            f"holds {len(content)} tensors, a model's weights it seems, and no optimizer or scheduler state"
        )
    return (
        "has neither an optimizer's nor a scheduler's state under a usual name; "
        f"it has {keys_text(content)}; say which with --optimizer-key or --scheduler-key"
    )


def _is_tensor(value: Any) -> bool:
    return getattr(value, "shape", None) is not None


def keys_text(content: Any) -> str:
    """The keys of a dict or the places of a list, shortened."""
    if isinstance(content, list | tuple):
        return f"the entries 0 to {len(content) - 1}" if content else "no entries"
    if not isinstance(content, Mapping):
        return f"no entries: it is {kind_text(content)}"
    keys = [_short(str(key)) for key in content]
    more = f" and {len(keys) - _MOST_KEYS} more" if len(keys) > _MOST_KEYS else ""
    return ", ".join(keys[:_MOST_KEYS]) + more if keys else "no entries"


def kind_text(value: Any) -> str:
    """What a value is, in few words.

    >>> kind_text([1, 2]), kind_text({"a": 1}), kind_text(None)
    ('a list of 2', 'a dict of 1', 'None')
    """
    if isinstance(value, Opaque):
        return repr(value)
    if hasattr(value, "shape"):
        return f"a tensor of shape ({', '.join(map(str, value.shape))})"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return f"a dict of {len(value)}"
    return f"the text {_short(value)!r}" if isinstance(value, str) else _short(repr(value))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def plain(value: Any) -> Any:
    """A value of a state as plain numbers: a tensor of one as that, a list as a tuple; else MISSING."""
    if hasattr(value, "numel"):
        return value.item() if value.numel() == 1 else MISSING
    if isinstance(value, list | tuple):
        each = tuple(plain(one) for one in value)
        return MISSING if MISSING in each else each
    value = plain_number(value)
    if isinstance(value, int) and abs(value) >= _BEYOND_COUNTING:
        return MISSING
    return value if value is None or isinstance(value, bool | int | float | str) else MISSING


def whole(value: Any) -> int | None:
    """A whole number, 0 or more, also where it is a float or a tensor; None for anything else."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return int(number) if number >= 0 and number == number // 1 < float("inf") else None
