"""How much a pickle makes of how little, found without running it.

A pickle names what it has made before, so a few bytes can stand for a tree that nobody ever walks through: a
tuple of twice the tuple before it, forty times. Python's own hash of such a tuple never ends, and cannot be
interrupted. All that a checkpoint needs is made of each part once, or of small parts several times.
"""

from __future__ import annotations

import pickletools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

_FREE = 1_000_000
_PER_OPCODE = 100
_HOLDERS = {"list", "dict", "set"}
_MARK = -1


def is_overweight(file: BinaryIO, pickles: int = 1) -> bool:
    """Whether what the next ``pickles`` pickles in a file make is out of all proportion to their length.

    Counted is how often a part is put into another one, with all that it is made of. False as well for bytes
    that are no pickle: reading them ends at the first opcode that is none.
    """
    try:
        return any(_Weighing().exceeds(file) for _ in range(pickles))
    except Exception:  # noqa: BLE001 - bytes of any kind, read as a pickle, fail in any way
        return False


class _Weighing:
    """Follows what a pickle does with its stack, where only the weights of things stand instead of them."""

    def __init__(self) -> None:
        self._stack: list[int] = []
        self._memo: dict[int, int] = {}
        self._work = 0

    def exceeds(self, file: BinaryIO) -> bool:
        """Read one pickle, or as much of it as it takes to know."""
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file), start=1):
            name = opcode.name
            if name in {"BINPUT", "LONG_BINPUT", "PUT"}:
                self._memo[int(str(argument))] = self._stack[-1]
            elif name == "MEMOIZE":
                self._memo[len(self._memo)] = self._stack[-1]
            elif name in {"BINGET", "LONG_BINGET", "GET"}:
                self._stack.append(self._memo[int(str(argument))])
            elif name == "DUP":
                self._stack.append(self._stack[-1])
            elif name == "MARK":
                self._stack.append(_MARK)
            else:
                self._do(opcode)
            if self._work > _FREE + count * _PER_OPCODE:
                return True
        return False

    def _do(self, opcode: pickletools.OpcodeInfo) -> None:
        """Take off the stack what the opcode takes, and put what it makes of that: the sum of it, and one."""
        before = [str(one) for one in opcode.stack_before]
        parts: list[int] = []
        if "mark" in before:
            while (part := self._stack.pop()) != _MARK:
                parts.append(part)
            before = before[: before.index("mark")]
        taken = [self._stack.pop() for _ in before]
        # What is added to a list, again and again, is new; the list is not.
        self._work += sum(parts) + sum(taken[:-1] if before and before[0] in _HOLDERS else taken)
        if opcode.stack_after:
            self._stack += [1 + sum(parts) + sum(taken)] * len(opcode.stack_after)
