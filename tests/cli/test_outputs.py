"""Results are written whole or not at all, and where they were asked for."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lrsched_cli.cli.outputs import relative, target, write_all
from lrsched_cli.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = (".csv", ".tsv")


@pytest.mark.parametrize(
    ("out", "path"),
    [
        (None, "outputs/run.csv"),
        (Path("x.csv"), "x.csv"),
        (Path("x.TSV"), "x.TSV"),
        (Path("deep/er/x.tsv"), "deep/er/x.tsv"),
        (Path("folder"), "folder/run.csv"),
        (Path("there.d"), "there.d/run.csv"),
        (Path("there.csv"), "there.csv/run.csv"),
        (Path(), "run.csv"),
    ],
)
def test_a_result_goes_to_a_file_or_into_a_folder(out: Path | None, path: str) -> None:
    Path("there.d").mkdir()
    Path("there.csv").mkdir()
    assert target(out, "run", SUFFIXES) == Path(path)


@pytest.mark.parametrize("out", ["x.txt", "x.csv.gz", "x.png"])
def test_another_suffix_is_an_error(out: str) -> None:
    with pytest.raises(UsageError, match=r"must end in \.csv or \.tsv"):
        target(Path(out), "run", SUFFIXES)


def files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def test_all_files_are_written_with_their_folders() -> None:
    write_all({Path("new/a.csv"): iter(["1,", "2\n"]), Path("new/er/b.png"): b"\x89"})
    assert files() == {"new/a.csv": b"1,2\n", "new/er/b.png": b"\x89"}


def test_what_stood_there_is_replaced() -> None:
    Path("a.csv").write_bytes(b"old and longer")
    write_all({Path("a.csv"): b"new"})
    assert files() == {"a.csv": b"new"}


def test_a_link_stays_a_link_and_its_target_is_written() -> None:
    Path("data").mkdir()
    Path("data/a.csv").write_bytes(b"old")
    Path("a.csv").symlink_to("data/a.csv")
    write_all({Path("a.csv"): b"new"})
    assert Path("a.csv").is_symlink()
    assert Path("data/a.csv").read_bytes() == b"new"


def breaking(error: BaseException) -> Iterator[str]:
    yield "half"
    raise error


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(143), ValueError(), MemoryError()], ids=repr
)
def test_an_interrupted_writing_leaves_everything_as_it_was(error: BaseException) -> None:
    Path("a.csv").write_bytes(b"old")
    with pytest.raises(type(error)):
        write_all({Path("b.csv"): b"whole", Path("a.csv"): breaking(error)})
    assert files() == {"a.csv": b"old"}


def test_a_full_disk_leaves_everything_as_it_was_and_is_told() -> None:
    Path("a.csv").write_bytes(b"old")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OutputError, match=r"^a\.csv: cannot be written: No space left on device$"):
        write_all({Path("b.csv"): b"whole", Path("a.csv"): breaking(full)})
    assert files() == {"a.csv": b"old"}


def test_one_file_that_cannot_be_written_keeps_all_from_being_written() -> None:
    Path("file").write_bytes(b"old")
    with pytest.raises(OutputError, match=r"^file/b\.csv: cannot be written: "):
        write_all({Path("a.csv"): b"new", Path("file/b.csv"): b"new"})
    assert files() == {"file": b"old"}


@pytest.mark.parametrize("path", [os.devnull, "folder"])
def test_only_regular_files_are_replaced(path: str) -> None:
    Path("folder").mkdir()
    with pytest.raises(OutputError, match="no regular file"):
        write_all({Path(path): b"new"})
    assert files() == {}


def test_a_new_file_has_the_usual_permissions() -> None:
    write_all({Path("a.csv"): b"new"})
    Path("b.csv").write_bytes(b"new")
    assert Path("a.csv").stat().st_mode == Path("b.csv").stat().st_mode


@pytest.mark.parametrize(
    ("path", "shown"),
    [("outputs/a.csv", "outputs/a.csv"), ("../a.csv", "../a.csv"), ("/no/a.csv", "/no/a.csv")],
)
def test_a_path_is_shown_as_seen_from_here(path: str, shown: str) -> None:
    assert relative(Path(path)) == shown


def test_an_absolute_path_below_here_is_shown_as_seen_from_here(tmp_path: Path) -> None:
    assert relative(tmp_path / "outputs" / "a.csv") == "outputs/a.csv"
