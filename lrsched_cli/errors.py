"""Every error that this package raises on purpose, and the form in which input problems are told.

    LrschedError
    ├── ScheduleFileError      one or more problems in a schedule file, an override, an expression or a
    │                          stored trace
    ├── ExpressionError        a text expression that does not parse, or gives no number at a step
    ├── StepError              a step that cannot be taken: its multiplier is no finite number, a formula
    │   │                      that it needs fails
    │   └── CustomLambdaError  a custom_lambda that raised, or gave no finite number, at a step
    ├── StateError             a state that no scheduler can be restored from
    ├── ScheduleMismatchError  a scheduler state saved under another configuration (strict loading)
    ├── ResumeError            a resume check that could not be made: its training fails, its process dies
    ├── OutputError            a result that could not be written
    └── UsageError             arguments that do not fit together

``ScheduleMismatchWarning`` is the warning that goes with ``ScheduleMismatchError``, ``ScheduleFileWarning``
the one about what is odd in a schedule file and still can be used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


MAX_TOLD = 200
"""Problems that are worth telling; nobody reads on, and a hostile file would have a million."""
LONGEST_LINE = 2000
"""Letters of a line that is told."""
_LONGEST_KEY, _LONGEST_MESSAGE = 500, 1400


class LrschedError(Exception):
    """Base of every error that this package raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with the input, and where.

    ``line`` and ``column`` count from 1; both are 0 where the problem has no place inside the file
    (a file that is missing, or cannot be decoded). A long ``key`` or ``message`` is kept shortened.
    """

    file: str
    line: int
    column: int
    key: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", shortened(self.key, _LONGEST_KEY))
        object.__setattr__(self, "message", shortened(self.message, _LONGEST_MESSAGE))

    def __str__(self) -> str:
        place = f":{self.line}:{self.column}" if self.line else ""
        said = f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"
        return shortened(self.file, LONGEST_LINE - len(said)) + said


def shortened(text: str, longest: int) -> str:
    """The text, at most so long, with … where it has been cut."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


class ScheduleFileError(LrschedError):
    """A schedule or a stored trace cannot be used as written. ``problems``: all that is wrong, in order."""

    def __init__(self, problems: Iterable[Problem], hint: str = "") -> None:
        self.problems = tuple(problems)
        self.hint = hint
        more = len(self.problems) - MAX_TOLD
        further = [f"and {more:,} more problems"] if more > 0 else []
        super().__init__("\n".join([*map(str, self.problems[:MAX_TOLD]), *further]))


class ScheduleFileWarning(UserWarning):
    """Something in a schedule file has no effect, at its place, such as a pattern behind a wider one."""


class ExpressionError(LrschedError, ValueError):
    """A text expression that does not parse, or that gives no finite number at some step."""


class StepError(LrschedError, ValueError):
    """A scheduler step cannot be taken: its multiplier is no finite number, or what it needs fails.

    ``step`` is the scheduler step at which it happened, ``group`` the name (or index) of the param
    group whose own schedule it belongs to, None where it is the schedule of all groups. ``key`` says
    which setting below ``scheduler`` is at fault, where one is.
    """

    def __init__(
        self, message: str, step: int, group: str | int | None = None, *, key: tuple[str | int, ...] = ()
    ) -> None:
        self.step = step
        self.group = group
        self.key = key
        super().__init__(message)


class CustomLambdaError(StepError):
    """A ``custom_lambda`` raised, or gave something other than a finite number."""

    def __init__(self, message: str, step: int, group: str | int | None = None) -> None:
        super().__init__(message, step, group, key=("custom_lambda",))


class StateError(LrschedError, ValueError):
    """A state with missing fields or fields of a wrong kind, from which nothing can be restored."""


class ScheduleMismatchError(LrschedError, ValueError):
    """A state was saved under another configuration, and ``strict=True`` asked for the same one."""


class ScheduleMismatchWarning(UserWarning):
    """A state was saved under another configuration; the current configuration goes on."""


class ResumeError(LrschedError):
    """A resume check could not be made: its training fails, or its process dies or hangs.

    A resumed run that goes on otherwise than it should is no error; the report tells of it.
    """


class OutputError(LrschedError):
    """A result could not be written; the file that stood there before is untouched."""


class UsageError(LrschedError):
    """Arguments that do not fit together."""
