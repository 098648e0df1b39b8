"""Where results go, and how they get there: whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lrsched_cli.cli.temporary import clear_left_overs, lock, new_name
from lrsched_cli.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import BinaryIO

    from matplotlib.figure import Figure

    from lrsched_cli.report.captions import Caption

DEFAULT_FOLDER = Path("outputs")


def target(out: Path | None, name: str, suffixes: Sequence[str]) -> Path:
    """The file that a result goes to.

    ``out`` is a file with one of ``suffixes``, or a folder (which gets NAME with the first suffix).
    """
    if out is None:
        return DEFAULT_FOLDER / f"{name}{suffixes[0]}"
    if str(out) == "-":
        raise UsageError("--out -: this goes to a file; only a trace can go to standard output")
    if os.path.isdir(out) or not out.suffix:  # noqa: PTH112 - unlike pathlib's, it takes any text
        return out / f"{name}{suffixes[0]}"
    if out.suffix.lower() not in suffixes:
        raise UsageError(f"--out {out}: the name must end in {' or '.join(suffixes)}, or be a folder")
    return out


def write_all(contents: Mapping[Path, bytes | Iterable[str]]) -> None:
    """Write every file beside its target first, then rename all: each target is the old file or the new.

    Raises OutputError with the reason; what has been written so far is taken away again, and with it what
    a killed process has left in the same folders.
    """
    written: dict[Path, Path] = {}
    at = Path()
    with contextlib.ExitStack() as stack:  # every file stays open, and so locked, until all are renamed
        try:
            for path, content in contents.items():
                at = path
                final = _resolved(path)
                clear_left_overs(final.parent)
                file = _new_file(final, written, stack)
                _write(file, content)
            for temporary, final in written.items():
                at = final
                temporary.replace(final)
        except OSError as error:
            raise OutputError(f"{relative(at)}: cannot be written: {error.strerror or error}") from None
        finally:
            for temporary in written:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)


def write_picture(picture: Path, figure: Figure, caption: Caption, csv: Iterable[str] | None) -> list[str]:
    """Write a picture and, where there is one, the CSV beside it; returns the paths to be printed."""
    from lrsched_cli import __version__  # noqa: PLC0415 - reading it takes time
    from lrsched_cli.report.picture_file import picture_bytes  # noqa: PLC0415 - not for --help

    files: dict[Path, bytes | Iterable[str]] = {
        picture: picture_bytes(figure, picture.suffix.lower(), caption, __version__)
    }
    if csv is not None:
        files[picture.with_suffix(".csv")] = csv
    write_all(files)
    return [relative(path) for path in files]


def relative(path: Path) -> str:
    """A path as seen from the current folder."""
    here = Path.cwd()
    absolute = path.absolute()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def _resolved(path: Path) -> Path:
    """The file behind any symbolic link, its folder made if need be."""
    final = Path(os.path.realpath(path))
    if final.exists() and not final.is_file():
        raise OutputError(f"{path}: is no regular file; use --out - for standard output")
    final.parent.mkdir(parents=True, exist_ok=True)
    return final


def _new_file(final: Path, written: dict[Path, Path], stack: contextlib.ExitStack) -> BinaryIO:
    """A locked temporary file beside a target, noted in ``written`` before it is made."""
    while True:
        temporary = new_name(final)
        written[temporary] = final
        file = temporary.open("xb")
        stack.callback(_close, file)
        if lock(file):
            return file
        del written[temporary]


def _close(file: BinaryIO) -> None:
    """Close a file; that the rest of it does not fit on the disk has been told of by then."""
    with contextlib.suppress(OSError):
        file.close()


def _write(file: BinaryIO, content: bytes | Iterable[str]) -> None:
    if isinstance(content, bytes):
        file.write(content)
    else:
        file.writelines(piece.encode() for piece in content)
    file.flush()
    os.fsync(file.fileno())
