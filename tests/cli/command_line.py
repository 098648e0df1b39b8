"""Runs the command as users do, through its real entry point, in this process."""

from __future__ import annotations

import gc
import io
import signal
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from lrsched_cli.cli.app import main


class Result(NamedTuple):
    """What a command left behind: its exit code and what it wrote to the two streams."""

    code: int
    out: str
    err: str


def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
    """``lrsched ARGUMENTS``, with ``stdin`` to read and neither stream a terminal."""
    out, err = _stream(), _stream()
    at_sigterm = signal.getsignal(signal.SIGTERM)
    code: object = 0
    try:
        with (
            patch("sys.argv", ["lrsched", *map(str, arguments)]),
            patch("sys.stdin", _stream(stdin)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            main()
    except SystemExit as end:
        code = end.code or 0
    finally:
        signal.signal(signal.SIGTERM, at_sigterm)
        gc.enable()
    assert isinstance(code, int), code
    return Result(code, _text(out), _text(err))


def _stream(content: bytes = b"") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="\n")


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode()


def written() -> dict[str, bytes]:
    """Everything below ``outputs/``, by its name, hidden files included."""
    folder = Path("outputs")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
