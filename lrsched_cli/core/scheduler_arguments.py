"""What ``LRScheduler`` is given, checked: parameters, overrides of groups, batch sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lrsched_cli.core.law import Track
from lrsched_cli.core.messages import did_you_mean, message_for
from lrsched_cli.core.parameters import Parameters, plain_number

if TYPE_CHECKING:
    from collections.abc import Callable

    CustomLambda = Callable[[int], float]


def checked_track(
    parameters: Mapping[str, Any], custom_lambda: CustomLambda | None, group: str | int | None = None
) -> Track:
    """Check the parameters and the custom factor. Raises ValueError with all that is wrong."""
    label = "" if group is None else f"group_overrides[{group!r}]: "
    if custom_lambda is not None and not callable(custom_lambda):
        raise ValueError(f"{label}custom_lambda must be callable or None (got {custom_lambda!r})")
    try:
        checked = Parameters.model_validate(parameters)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc']))} {message_for(one, Parameters, ['custom_lambda'])}"
            for one in error.errors()
        )
        raise ValueError(label + wrong) from None
    return Track(checked, custom_lambda, group)


def own_track(base: Track, group: str | int, override: Mapping[str, Any]) -> Track:
    """The track of a group with a schedule of its own; what ``override`` leaves out is ``base``'s."""
    if not isinstance(override, Mapping):
        raise ValueError(  # noqa: TRY004 - as for every other argument that is wrong
            f"group_overrides[{group!r}] must be a mapping of parameters (got {override!r})"
        )
    own = {**base.parameters.model_dump(), "custom_lambda": base.custom_lambda, **override}
    return checked_track(own, own.pop("custom_lambda"), group)


def plain_override(override: Mapping[str, Any], track: Track) -> dict[str, Any]:
    """An override as plain values; of a ``custom_lambda`` only whether there is one."""
    return {
        key: track.custom_lambda is not None if key == "custom_lambda" else getattr(track.parameters, key)
        for key in override
    }


def group_index(key: str | int, names: list[str | None]) -> int:
    """The index of the param group that an override names. Raises ValueError where there is none."""
    if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(names):
        return key
    if isinstance(key, str) and names.count(key) == 1:
        return names.index(key)
    if isinstance(key, str) and key in names:
        raise ValueError(f"group_overrides: {names.count(key)} param groups are named {key!r}; use an index")
    known = [name for name in names if name is not None]
    raise ValueError(
        f"group_overrides: the optimizer has no param group {key!r} "
        f"(it has {len(names)}){did_you_mean(str(key), known)}"
    )


def checked_overrides(group_overrides: Any, names: list[str | None]) -> dict[int, tuple[str | int, Any]]:
    """Each override under the index of its param group, with the key that it was given by.

    Raises ValueError where there is no such group, or a group is given twice.
    """
    if not isinstance(group_overrides, Mapping):
        raise ValueError(  # noqa: TRY004 - as for every other argument that is wrong
            f"group_overrides must be a mapping of param groups to parameters (got {group_overrides!r})"
        )
    found = {group_index(key, names): (key, own) for key, own in group_overrides.items()}
    if len(found) < len(group_overrides):
        raise ValueError("group_overrides: a param group is given twice, by its name and by its index")
    return found


def checked_batch_size(batch_size: Any) -> float:
    """A batch size as a plain number, whatever library it comes from. Raises ValueError for what is none."""
    try:
        number = plain_number(batch_size.item() if hasattr(batch_size, "item") else batch_size)
        if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
            return number
    except (TypeError, ValueError, RuntimeError, OverflowError):
        pass  # a tensor of several numbers, or a whole number beyond the largest double
    raise ValueError(f"batch_size must be a finite number or None (got {batch_size!r})")
