"""Code of the user's own, named as ``package.module:function``; only trusted files get here."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable

_REFERENCE = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*(\.[^\W\d]\w*)*)")


def is_reference(text: str) -> bool:
    """Whether a text is of the form ``package.module:function``.

    >>> is_reference("train:build"), is_reference("runs/model.safetensors")
    (True, False)
    """
    return _REFERENCE.fullmatch(text) is not None


def what_it_runs(reference: str) -> str:
    """What naming this function would make happen, for a reader who has not allowed it yet."""
    module, _, name = reference.partition(":")
    return f"would import {shown(module)} and call its {shown(name)}"


def import_function(reference: str) -> Callable[..., Any]:
    """Import ``package.module:function``, with the current folder on the import path.

    Raises ValueError with the reason where the reference is malformed, the import fails or what
    stands there cannot be called.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ValueError(f'must be "package.module:function" (got {shown(reference)})')
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(match["module"])
        for part in match["name"].split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # a module of the user's may raise anything on import
        raise ValueError(f"cannot import {shown(reference)}: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise ValueError(f"{shown(reference)} cannot be called")  # noqa: TRY004 - as for every other reason
    function: Callable[..., Any] = found
    return function
