"""An optimizer of the user's own, ``optimizer.type: package.module:Class``: what it is, and what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrsched_cli.core.messages import shown
from lrsched_cli.core.signatures import Argument, arguments_but_the_first
from lrsched_cli.core.user_code import import_function

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_optimizer_reference(name: str) -> bool:
    """Whether a type names a class to be imported, and none of torch's."""
    return ":" in name


class _AnyOthers(dict[str, Argument]):
    """The arguments of a class with ``**kwargs``: whatever else is asked for is there too."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __missing__(self, name: str) -> Argument:
        return Argument(name, ..., "")


def arguments_of_reference(reference: str, stated: Mapping[str, Any]) -> Mapping[str, Argument]:
    """Import a class and read what it takes; only trusted files get here.

    Raises ValueError: the import fails, it is no class, it takes no ``lr``, or an argument without a
    default is not among those that the file states.
    """
    found: Any = import_function(reference)
    if not isinstance(found, type):
        raise ValueError(f"{shown(reference)} is no class")  # noqa: TRY004 - as for every other reason
    try:
        arguments, takes_any = arguments_but_the_first(found)
    except ValueError as error:
        raise ValueError(f"{shown(reference)} {error}") from None
    all_of_them = _AnyOthers(arguments) if takes_any else arguments
    if "lr" not in all_of_them:
        raise ValueError(f"{shown(reference)} takes no lr, and nothing else is scheduled")
    needed = {name for name, one in arguments.items() if one.default is ... and name not in stated}
    if stated.get("lr") is None and not isinstance(all_of_them["lr"].default, int | float):
        needed.add("lr")
    if needed:
        raise ValueError(f"{shown(reference)} needs {', '.join(sorted(needed))}; state it beside the type")
    return all_of_them
