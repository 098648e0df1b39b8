"""Reading a checkpoint of the user's own; nothing that it holds is run."""

from __future__ import annotations

import mmap
import os
import pickle
import pickletools
import re
import warnings
import zipfile
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.families import is_a_scheduler
from lrsched_cli.core.files.memory_limit import at_most
from lrsched_cli.core.files.pickle_weight import OVERWEIGHT, what_is_wrong
from lrsched_cli.core.files.plain_data import plain_data
from lrsched_cli.core.files.regular_file import read_at_most
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

_DATA = "data.pkl"
_ZIP = b"PK\x03\x04"
_OLD_FORMAT = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The number that torch.save wrote first before it wrote zip archives, after the pickle's two bytes."""
_PICKLE = 0x80
_MOST_OPCODES = 1_000_000
_MOST_FILES = 3
_LONGEST_NAME = 1000  # bytes
_OLD_PICKLES = 5
"""The old format's number, its version, the machine's byte order, the data, and the names of the storages."""
_MOST_MEMORY = 256 * 2**20
"""Bytes that reading may take beyond those of the file, which the old format takes twice."""
_LARGEST_PICKLE = 64 * 2**20
"""Bytes. That of a model of 10,000 parameters and Adam's state of it has 4 MB; tensors are not in it."""
_TOO_LARGE = f"is refused: it holds more than {_LARGEST_PICKLE // 2**20} MiB beside its tensors, as none does"
_TWO_TABLES = "is refused: the archive has two tables of contents, and torch.save writes one"
_CUT_SHORT = "is cut short or damaged"
_SAFE = (
    "torch.save({'optimizer': optimizer.state_dict(), 'scheduler': scheduler.state_dict(), "
    "'step': step}, FILE)"
)
_DISTRIBUTED = "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE"


def read_checkpoint_file(path: Path) -> Any:
    """What ``torch.save`` wrote, as plain data: see ``plain_data``.

    Tensors are on the CPU, mapped from the disk where the format allows it.

    Raises:
        UsageError: in one line, why the file cannot be read: not there, a folder, empty, cut short, not
            written by torch.save, a pickle that would run code (it is refused, and its global named), or one
            that would take all memory or all time.
    """
    zipped = _is_zip(path)
    try:
        return plain_data(_loaded(path, zipped=zipped))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _loaded(path: Path, *, zipped: bool) -> Any:
    import torch  # noqa: PLC0415 - takes longer than all else, and a wrong file needs none

    room = _MOST_MEMORY + 2 * path.stat().st_size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of old formats is nobody's business here
        try:
            with at_most(room):
                if zipped:
                    _check_read_alike(path)
                return torch.load(path, weights_only=True, map_location="cpu", mmap=zipped)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever torch finds wrong is the file's fault
            harmed = "is damaged" if zipped and _is_damaged(path) else ""
            raise UsageError(harmed or _reason(error, path)) from None


def _check_read_alike(path: Path) -> None:
    """Refuse an archive in which torch finds another pickle than the one that was weighed.

    Python and torch look for the table of contents in ways of their own, and a file can be made with two.
    """
    import torch  # noqa: PLC0415 - as above

    read_by_torch = torch._C.PyTorchFileReader(str(path)).get_record(_DATA)
    with zipfile.ZipFile(path) as archive:
        name = next(one for one in archive.namelist() if _is_named(one.lower(), _DATA))
        if archive.read(name) != read_by_torch:
            raise UsageError(_TWO_TABLES)


def _is_zip(path: Path) -> bool:
    """Whether the file is a zip archive of torch.save's; False: its older format. Raises for all others."""
    head = _head(path)
    if not head:
        raise UsageError(f"{path}: is empty")
    if head.startswith(_ZIP):
        _check_archive(path)
        return True
    if head[2:].startswith(_OLD_FORMAT):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if wrong := what_is_wrong(content, _OLD_PICKLES):
                raise UsageError(f"{path}: {wrong}")
        return False
    if _ZIP.startswith(head) or _OLD_FORMAT.startswith(head[2:]):
        raise UsageError(f"{path}: is cut short after {len(head)} bytes")
    raise UsageError(f"{path}: {_other_format(path, head)}")


def _head(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UsageError(f"{path}: is a folder{_in_folder(path)}")
        if not path.exists():
            raise UsageError(f"{path}: there is no such file")
        if not path.is_file():
            raise UsageError(f"{path}: is no regular file")
        return read_at_most(path, 2 + len(_OLD_FORMAT))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def _in_folder(path: Path) -> str:
    """Which file of a folder to give; an empty text where none looks like it."""
    if (path / ".metadata").is_file():
        return f", of torch.distributed.checkpoint; make one file of it first: {_DISTRIBUTED}"
    suffixes = {".pt", ".pth", ".ckpt", ".bin", ".tar"}
    names = sorted(one.name for one in path.iterdir() if one.suffix in suffixes)
    return f"; give a file in it, such as {', '.join(names[:_MOST_FILES])}" if names else ""


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [one.filename.lower() for one in archive.infolist()]
            wrong = _wrong_records(names) or _wrong_content(archive, path)
    except Exception:  # noqa: BLE001 - a damaged archive fails in many ways
        raise UsageError(f"{path}: is cut short or damaged: the end of the archive is missing") from None
    if wrong:
        raise UsageError(f"{path}: {wrong}")


def _wrong_records(names: Sequence[str]) -> str:
    """What is wrong with the names in an archive, in lower case: torch takes no notice of a name's case."""
    if any(_is_named(name, "constants.pkl") for name in names):
        return "is a TorchScript model; give a checkpoint of a training run"
    found = sum(_is_named(name, _DATA) for name in names)
    if not found:
        return "is a zip archive, but none that torch.save wrote"
    if found > 1 or len(set(names)) < len(names):
        return "is refused: the archive has several records of one name, and torch.save writes none like it"
    return ""


def _is_named(name: str, wanted: str) -> bool:
    return name.rpartition("/")[2] == wanted


def _wrong_content(archive: zipfile.ZipFile, path: Path) -> str:
    """Whether more would come out of an archive than it holds. torch.save compresses nothing."""
    records = archive.infolist()
    if any(one.compress_type != zipfile.ZIP_STORED for one in records):
        return OVERWEIGHT
    if sum(one.file_size for one in records) > path.stat().st_size:
        return OVERWEIGHT
    pickles = [one for one in records if one.filename.lower().endswith(".pkl")]
    if any(one.file_size > _LARGEST_PICKLE for one in pickles):
        return _TOO_LARGE
    for one in pickles:
        try:
            content = archive.read(one)
        except zipfile.BadZipFile:
            continue  # damaged, which is told where torch fails to read it
        if wrong := what_is_wrong(content):
            return wrong
    return ""


def _is_damaged(path: Path) -> bool:
    """Whether the pickle in an archive is not what was written; asked only where it cannot be read."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if _is_named(name.lower(), _DATA):
                try:
                    archive.read(name)
                except Exception:  # noqa: BLE001 - as for the archive's end
                    return True
    return False


def _other_format(path: Path, head: bytes) -> str:
    with path.open("rb") as file:
        wanted = wanted_global(file)
    if wanted:
        return f"is a pickle that torch.save did not write, which {_refused(wanted)}"
    if head[0] == _PICKLE:
        return f"is a pickle that torch.save did not write; write it with {_SAFE}"
    return f"is no checkpoint: torch.save did not write it; write one with {_SAFE}"


def wanted_global(file: BinaryIO) -> str | None:
    """The first thing that a pickle would import, found without running it; None where there is none."""
    found = ""
    pushed: deque[str | None] = deque([None, None], maxlen=2)
    memo: list[str | None] = []
    try:
        for opcode, argument, _ in islice(pickletools.genops(file), _MOST_OPCODES):
            if found:
                continue  # only the end says whether this was a pickle at all
            match opcode.name:
                case "GLOBAL" | "INST":
                    found = str(argument).replace(" ", ".")
                case "STACK_GLOBAL":
                    found = ".".join(map(str, pushed))
                case "MEMOIZE":
                    memo.append(pushed[-1])
                case "BINGET" | "LONG_BINGET":
                    pushed.append(memo[int(str(argument))])
                case "PROTO" | "FRAME":
                    pass
                case _:
                    pushed.append(argument if isinstance(argument, str) else None)
    except Exception:  # noqa: BLE001 - bytes of any kind, read as a pickle, fail in any way
        return None
    return found or None


def _reason(error: Exception, path: Path) -> str:
    """Why torch did not read the file, in words that say what to do."""
    message = str(error)
    wanted = re.search(r"GLOBAL (\S+) ", message)
    if wanted:
        return _CUT_SHORT if _ends_in(path, wanted[1]) else _refused(wanted[1])
    if isinstance(error, MemoryError) or "can't allocate memory" in message:
        return OVERWEIGHT
    if "Unsupported operand 149" in message:
        return "uses a pickle protocol above 3, which cannot be read safely; save it without pickle_protocol"
    if not isinstance(error, RuntimeError | pickle.UnpicklingError) or "EOF" in message:
        return _CUT_SHORT  # torch ran into the end of it, or into bytes that it did not write
    # torch wraps the reason into advice to read the file unsafely; what it wraps is kept as the context.
    inner = str(error.__context__ or error).strip() or type(error).__name__
    return f"cannot be read: {inner.splitlines()[0].rstrip('.')}"


def _ends_in(path: Path, wanted: str) -> bool:
    """Whether the file ends inside the name of what it would import, which is then none."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _LONGEST_NAME), os.SEEK_END)
        _, opcode, names = file.read().rpartition(b"c" + wanted.rpartition(".")[0].encode())
    return bool(opcode) and names.count(b"\n") < 2  # noqa: PLR2004 - one after each of its two parts


def _refused(wanted: str) -> str:
    if wanted.startswith("numpy."):
        return (
            f"holds a numpy number or array ({wanted}) and is refused: loading it would run code; make it a "
            "plain number before saving, float(value); mostly it is an LR or a setting of the scheduler"
        )
    if wanted.startswith("torch.optim.") or is_a_scheduler(wanted):
        return (
            f"holds a whole {wanted} object and is refused: loading it would run code; save its "
            f"state_dict() instead: {_SAFE}"
        )
    return (
        f"would import {wanted} and is refused: loading it would run code; save state dicts of plain "
        f"numbers and tensors alone: {_SAFE}"
    )
