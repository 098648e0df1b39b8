"""Getting between the construction of an optimizer and that of its scheduler, in a factory of the user's.

Some ways of restoring load the optimizer's state before the scheduler is built, or hand ``last_epoch`` to
its constructor. A factory builds both in one go; so, while it runs, the constructors of torch's scheduler
classes tell of themselves.
"""

from __future__ import annotations

import functools
import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer, lr_scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    Constructor = Callable[..., None]


@contextmanager
def constructions(
    before_first: Callable[[torch.optim.Optimizer], None] | None = None,
    arguments: dict[int, dict[str, Any]] | None = None,
) -> Iterator[list[Any]]:
    """Watch torch's schedulers being constructed; gives them in the order in which they begin.

    Args:
        before_first: called with the optimizer before the first scheduler over it begins.
        arguments: further keyword arguments for the scheduler at that place in the order.
    """
    begun: list[Any] = []

    def watching(original: Constructor) -> Constructor:
        @functools.wraps(original)
        def constructor(self: Any, *given: Any, **named: Any) -> None:
            if any(self is one for one in begun):  # a class calls that of its parent
                original(self, *given, **named)
                return
            begun.append(self)
            optimizer = next((one for one in (*given, *named.values()) if isinstance(one, Optimizer)), None)
            if before_first is not None and optimizer is not None and len(begun) == 1:
                before_first(optimizer)
            further = (arguments or {}).get(len(begun) - 1, {})
            if not further:
                original(self, *given, **named)
                return
            bound = inspect.signature(original).bind(self, *given, **named)
            bound.arguments.update(further)
            original(*bound.args, **bound.kwargs)

        return constructor

    originals = {kind: vars(kind)["__init__"] for kind in _classes(lr_scheduler.LRScheduler)}
    try:
        for kind, original in originals.items():
            kind.__init__ = watching(original)
        yield begun
    finally:
        for kind, original in originals.items():
            kind.__init__ = original


def takes(scheduler: Any, argument: str) -> bool:
    """Whether the constructor of a scheduler's class has this argument."""
    return argument in inspect.signature(type(scheduler).__init__).parameters


def _classes(kind: type[Any]) -> set[type[Any]]:
    """The class and all below it, those with a constructor of their own."""
    below = {found for child in kind.__subclasses__() for found in _classes(child)}
    return below | ({kind} if "__init__" in vars(kind) else set())
