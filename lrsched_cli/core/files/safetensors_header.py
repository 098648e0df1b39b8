"""The header of a ``.safetensors`` file: names, dtypes and shapes; the tensors themselves are never read.

The format (https://github.com/huggingface/safetensors): eight bytes with the header's length, the header as
JSON, then the tensors without gaps. A file is checked against all of that before anything is made of it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.files.model_file import check_count, refused, wrong_name
from lrsched_cli.core.files.regular_file import read_at_most
from lrsched_cli.core.messages import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAX_HEADER = 100_000_000
"""Bytes; the limit that the format's own reader has."""

_KEYS = {"dtype", "shape", "data_offsets"}
_MOST_OTHERS = 1000
_LENGTH_BYTES = 8
_MOST_DIMENSIONS = 64
_LARGEST = 2**63
_BITS = {
    "F4": 4,
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}
_WHOLE_NUMBERS = ("BOOL", "U", "I")


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of a file, without its numbers: its shape (None: unknown), whether it can have gradients."""

    name: str
    shape: tuple[int, ...] | None
    trainable: bool


def read_header(path: Path) -> tuple[StoredTensor, ...]:
    """The tensors of a file, in the order of its header.

    Raises ScheduleFileError, in the file's name, for anything that is not as the format demands.
    """
    try:
        length = int.from_bytes(read_at_most(path, _LENGTH_BYTES), "little")
        room = path.stat().st_size - _LENGTH_BYTES
        if room < 0:
            raise refused(path, "is cut short: no safetensors file is under 8 bytes")
        if length > MAX_HEADER:
            raise refused(path, "is no safetensors file, or damaged: its header would be over 100 MB long")
        if length > room:
            raise refused(path, f"is cut short: its header has {length:,} bytes, and {room:,} are there")
        text = read_at_most(path, _LENGTH_BYTES + length)[_LENGTH_BYTES:]
    except OSError as error:
        raise refused(path, f"cannot be read: {error.strerror or error}") from None
    try:
        entries = json_object(text)
        check_count(path, len(entries))
        return _tensors(entries, room - length)
    except ValueError as error:
        raise refused(path, f"its header {error}") from None


def json_object(text: bytes) -> dict[str, Any]:
    """The entries of a JSON object. Raises ValueError where it is no JSON object, or has a name twice."""
    try:
        found = json.loads(text.decode(), object_pairs_hook=_Objects())
    except _RefusedError:
        raise
    except (ValueError, RecursionError):  # also a number of too many digits
        raise ValueError("is no JSON") from None
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004 - as for every other reason
    return found


class _Objects:
    """Makes the dicts of a JSON text: none has a key twice, and few are no tensor's.

    A text of others would take thirty times its length of memory before anybody looks at what it says.
    """

    def __init__(self) -> None:
        self._others = 0

    def __call__(self, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(pairs)
        if len(entries) < len(pairs):
            (double, _), *_ = (Counter(key for key, _ in pairs) - Counter(entries.keys())).items()
            raise _RefusedError(f"has {shown(double)} twice")
        self._others += entries.keys() != _KEYS
        if self._others > _MOST_OTHERS:
            raise _RefusedError(f"has more than {_MOST_OTHERS:,} mappings that are no tensor's")
        return entries


class _RefusedError(ValueError):
    """What is wrong with a text that is JSON; what JSON itself finds wrong is a ValueError too."""


def _tensors(header: dict[str, Any], room: int) -> tuple[StoredTensor, ...]:
    tensors, spans = [], []
    for name, entry in header.items():
        if name != "__metadata__":
            if wrong := wrong_name(name):
                raise ValueError(f"holds what {wrong}")
            tensor, span = _tensor(name, entry)
            tensors.append(tensor)
            spans.append((span, name))
    end = 0
    for (start, stop), name in sorted(spans):
        if start != end:
            raise ValueError(f"places {shown(name)} at byte {start:,}, where {end:,} comes next")
        end = stop
    if end != room:
        kind = "is cut short" if end > room else "goes on behind them"
        raise ValueError(f"tells of {end:,} bytes of tensors, and the file has {room:,}: it {kind}")
    return tuple(tensors)


def _tensor(name: str, entry: Any) -> tuple[StoredTensor, tuple[int, int]]:
    if not isinstance(entry, dict) or entry.keys() != _KEYS:
        raise ValueError(f"says of {shown(name)} something else than dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise ValueError(f"gives {shown(name)} an unknown dtype, {shown(dtype)}")
    if not _is_sizes(shape) or len(shape) > _MOST_DIMENSIONS:
        raise ValueError(f"gives {shown(name)} no shape: {shown(shape)}")
    if not _is_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:  # noqa: PLR2004 - start, end
        raise ValueError(f"gives {shown(name)} no place: {shown(offsets)}")
    bits = math.prod(shape) * _BITS[dtype]
    if bits != (offsets[1] - offsets[0]) * 8:
        message = (
            f"gives {shown(name)} {offsets[1] - offsets[0]:,} bytes, which is not {shown(shape)} of {dtype}"
        )
        raise ValueError(message)
    return StoredTensor(name, tuple(shape), not dtype.startswith(_WHOLE_NUMBERS)), (offsets[0], offsets[1])


def _is_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(one) is int and 0 <= one < _LARGEST for one in value)
