"""Frozen results as one JSON document."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np


def json_text(value: Any) -> str:
    """Dataclasses, tuples and numbers as JSON, indented, ending in a line break; NaN and infinity as null."""
    return json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False, default=str) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    return value
