"""Reading a checkpoint file: nothing in it is run, and whatever is wrong is told in one line."""

from __future__ import annotations

import argparse
import io
import os
import pickle
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lrsched_cli.analysis.checkpoint.parts import (
    MISSING,
    CheckpointKeys,
    entry_at,
    find_parts,
    keys_text,
    whole,
)
from lrsched_cli.core.files.checkpoint_file import read_checkpoint_file, wanted_global
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = Path("c.pt")
MARK = Path("it-ran")
OPTIMIZER: dict[str, Any] = {"state": {}, "param_groups": [{"lr": 0.1, "params": [0]}]}
SCHEDULER: dict[str, Any] = {"last_epoch": 3, "_last_lr": [0.1], "base_lrs": [0.1], "_step_count": 4}


class Harmful:
    """Its pickle makes a folder when it is loaded."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(MARK),)


def saved(content: Any, **options: Any) -> Path:
    torch.save(content, FILE, **options)
    return FILE


def refusal(path: Path = FILE) -> str:
    """The one line that a file is refused with; nothing else is said, and nothing has run."""
    with warnings.catch_warnings(action="error"), pytest.raises(UsageError) as caught:
        read_checkpoint_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert not MARK.exists()
    return message.removeprefix(f"{path}: ")


def same(content: Any, read: Any) -> bool:
    if isinstance(content, torch.Tensor):
        return torch.equal(content, read)
    if isinstance(content, dict):
        return content.keys() == read.keys() and all(same(content[key], read[key]) for key in content)
    return bool(content == read)


@pytest.mark.parametrize("zipped", [True, False])
def test_what_was_saved_is_read_in_either_format(zipped: bool) -> None:  # noqa: FBT001
    content = OrderedDict(a=torch.arange(5.0), b=[1, 0.1, None, "x"], c={"d": True})
    path = saved(content, _use_new_zipfile_serialization=zipped)
    assert same(content, read_checkpoint_file(path))


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_is_asked_to_run_nothing_and_to_read_no_more_than_it_must(
    zipped: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(torch, "load", lambda _, **options: asked.append(options))
    read_checkpoint_file(saved({"a": 1}, _use_new_zipfile_serialization=zipped))
    assert asked == [{"weights_only": True, "map_location": "cpu", "mmap": zipped}]


def test_tensors_are_mapped_and_the_file_is_never_changed() -> None:
    before = saved({"lr": torch.tensor(0.5)}).read_bytes()
    read = read_checkpoint_file(FILE)
    read["lr"].fill_(2.0)
    assert FILE.read_bytes() == before


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused_and_its_global_named(zipped: bool) -> None:  # noqa: FBT001
    saved({"optimizer": Harmful()}, _use_new_zipfile_serialization=zipped)
    message = refusal()
    assert message.startswith(
        "would import posix.mkdir and is refused: loading it would run code; save state"
    )
    assert "optimizer.state_dict()" in message


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_another_library_is_refused_too(protocol: int) -> None:
    FILE.write_bytes(pickle.dumps({"a": [Harmful()]}, protocol))
    assert refusal().startswith("is a pickle that torch.save did not write, which would import posix.mkdir")


def test_a_name_that_a_pickle_repeats_is_found_in_its_memo() -> None:
    pickled = pickle.dumps(["mkdir", "posix", Harmful()], 4)
    assert wanted_global(io.BytesIO(pickled)) == "posix.mkdir"


@pytest.mark.parametrize("value", [np.float64(0.1), np.int64(3), np.arange(3)])
def test_numpy_numbers_have_an_error_of_their_own(value: Any) -> None:
    saved({"scheduler": {"gamma": value}})
    message = refusal()
    assert message.startswith("holds a numpy number or array (numpy")
    assert "float(value)" in message


def test_whole_objects_have_an_error_of_their_own() -> None:
    saved({"optimizer": torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)})
    assert refusal().startswith("holds a whole torch.optim.sgd.SGD object and is refused")
    saved({"args": argparse.Namespace(lr=0.1)})
    assert refusal().startswith("would import argparse.Namespace and is refused")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_is_cut_short_anywhere_is_told(zipped: bool) -> None:  # noqa: FBT001
    content = saved({"a": torch.arange(50.0), "b": 1}, _use_new_zipfile_serialization=zipped).read_bytes()
    for length in range(1, len(content), 7):
        FILE.write_bytes(content[:length])
        assert "cut short" in refusal(), length


def test_an_empty_file_is_told() -> None:
    FILE.touch()
    assert refusal() == "is empty"


def test_a_damaged_archive_is_told() -> None:
    content = bytearray(saved({"optimizer": OrderedDict(a=torch.zeros(3))}).read_bytes())
    start = content.index(b"collections")
    content[start : start + 4] = b"zzzz"
    FILE.write_bytes(content)
    assert refusal() == "is damaged"


def test_a_pickle_in_an_archive_that_says_nothing_is_told() -> None:
    with zipfile.ZipFile(FILE, "w") as archive:
        archive.writestr("archive/data.pkl", b"nonsense")
        archive.writestr("archive/version", "3\n")
    assert refusal().startswith("cannot be read: ")


def test_a_protocol_that_cannot_be_read_safely_is_told() -> None:
    saved({"a": 1}, pickle_protocol=4)
    assert refusal().startswith("uses a pickle protocol above 3")


def test_files_of_other_kinds_are_told() -> None:
    FILE.write_text("config\nscheduler: {T_0: 3}\n")
    assert refusal().startswith("is no checkpoint: torch.save did not write it; write one with torch.save(")
    FILE.write_bytes(pickle.dumps({"step": 1}))
    assert refusal().startswith("is a pickle that torch.save did not write; write it with torch.save(")
    with zipfile.ZipFile(FILE, "w") as archive:
        archive.writestr("x.txt", "hello")
    assert refusal() == "is a zip archive, but none that torch.save wrote"
    with tarfile.open(FILE, "w"):
        pass
    assert refusal().startswith("is no checkpoint")


def test_a_script_model_is_told() -> None:
    with zipfile.ZipFile(FILE, "w") as archive:
        archive.writestr("m/data.pkl", b"")
        archive.writestr("m/constants.pkl", b"")
    assert refusal() == "is a TorchScript model; give a checkpoint of a training run"


def test_a_path_that_is_no_file_is_told(tmp_path: Path) -> None:
    assert refusal() == "there is no such file"
    folder = tmp_path / "checkpoint-500"
    folder.mkdir()
    assert refusal(folder) == "is a folder"
    for name in ("scheduler.pt", "optimizer.pt", "trainer_state.json"):
        (folder / name).touch()
    assert refusal(folder) == "is a folder; give a file in it, such as optimizer.pt, scheduler.pt"
    (folder / ".metadata").touch()
    assert refusal(folder).startswith("is a folder, of torch.distributed.checkpoint; make one file")
    os.mkfifo(FILE)
    assert refusal() == "is no regular file"
    assert refusal(Path("x" * 300)).startswith("cannot be read: ")


@given(st.binary(min_size=1, max_size=200))
def test_bytes_of_any_kind_are_refused_in_one_line(content: bytes) -> None:
    FILE.write_bytes(content)
    assert refusal()


def found(content: Any, **keys: str) -> Any:
    return find_parts(content, CheckpointKeys(**keys), FILE)


def not_found(content: Any, **keys: str) -> str:
    with pytest.raises(UsageError) as caught:
        found(content, **keys)
    return str(caught.value).removeprefix(f"{FILE}: ")


def test_the_default_names_are_taken_first() -> None:
    parts = found({"opt": {}, "optimizer": OPTIMIZER, "scheduler": SCHEDULER, "global_step": 9, "step": 3})
    assert (parts.optimizer.key, parts.scheduler.key, parts.step.key) == ("optimizer", "scheduler", "step")
    assert {parts.optimizer.how, parts.scheduler.how, parts.step.how} == {"default"}
    assert parts.step.value == 3


@pytest.mark.parametrize(
    ("optimizer", "scheduler", "step"),
    [
        ("optimizer_state_dict", "scheduler_state_dict", "global_step"),
        ("optim", "lr_scheduler", "iteration"),
        ("opt", "lr_scheduler_state_dict", "num_updates"),
    ],
)
def test_names_in_common_use_are_tried_and_told(optimizer: str, scheduler: str, step: str) -> None:
    parts = found({"model": {}, optimizer: OPTIMIZER, scheduler: SCHEDULER, step: 3})
    assert [(one.key, one.how) for one in (parts.optimizer, parts.scheduler, parts.step)] == [
        (optimizer, "usual name"),
        (scheduler, "usual name"),
        (step, "usual name"),
    ]


def test_lightnings_files_need_no_keys() -> None:
    parts = found({"optimizer_states": [OPTIMIZER], "lr_schedulers": [SCHEDULER], "global_step": 3})
    assert (parts.optimizer.key, parts.scheduler.key) == ("optimizer_states.0", "lr_schedulers.0")
    assert (parts.optimizer.value, parts.scheduler.value) == (OPTIMIZER, SCHEDULER)


def test_settings_under_the_default_name_do_not_hide_the_state() -> None:
    parts = found({"optimizer": {"type": "adam"}, "optimizer_state_dict": OPTIMIZER})
    assert parts.optimizer.key == "optimizer_state_dict"
    assert found({"optimizer": "adam", "opt": OPTIMIZER}).optimizer.key == "opt"


def test_a_file_may_be_one_state_alone() -> None:
    parts = found(OPTIMIZER)
    assert (parts.optimizer.how, parts.optimizer.key, parts.scheduler, parts.step) == (
        "whole file",
        "",
        None,
        None,
    )
    parts = found({**SCHEDULER, "step": 9})
    assert (parts.scheduler.how, parts.optimizer, parts.step) == ("whole file", None, None)


def test_keys_are_dotted_paths_through_dicts_and_lists() -> None:
    content = {"a.b": {"c": [{"d": 1}, {3: 2}]}, "a": {"b": {"x": 5, "c": [7]}}}
    assert entry_at(content, "a.b.c.0.d") == 1
    assert entry_at(content, "a.b.c.0") == {"d": 1}
    assert entry_at(content, "a.b.c.1.3") == 2
    assert entry_at(content, "a.b.x") == 5
    for wrong in ("a.b.c.2", "a.b.c.-1", "a.b.c.x", "z", "a.b.x.y", f"a.b.c.{'9' * 5000}", "a..b"):
        assert entry_at(content, wrong) is MISSING, wrong


def test_a_given_key_that_is_missing_is_an_error_with_the_keys_there_are() -> None:
    content = {"optimizer": OPTIMIZER, "run": {"sched": SCHEDULER, **{f"k{i}": 0 for i in range(10)}}}
    assert (
        not_found(content, optimizer="optim")
        == "has no entry 'optim' (--optimizer-key); it has optimizer, run"
    )
    assert not_found(content, scheduler="run.x") == (
        "has no entry 'run.x' (--scheduler-key); run has sched, k0, k1, k2, k3, k4, k5, k6 and 3 more"
    )
    assert not_found(content, step="optimizer.param_groups.7") == (
        "has no entry 'optimizer.param_groups.7' (--step-key); optimizer.param_groups has the entries 0 to 0"
    )
    assert "it is the text 'x'" in not_found({"optimizer": OPTIMIZER, "a": "x"}, step="a.b")


def test_an_entry_of_a_wrong_kind_is_an_error() -> None:
    wrong = "must be a dict, as optimizer.state_dict() gives it"
    assert not_found({"optimizer": torch.zeros(2, 3), "scheduler": SCHEDULER}) == (
        f"optimizer: {wrong} (got a tensor of shape (2, 3)); give another key with --optimizer-key"
    )
    assert not_found({"o": [OPTIMIZER]}, optimizer="o") == (
        f"o: {wrong} (got a list of 1); give o.0 with --optimizer-key"
    )
    assert "(got 'None')" not in not_found({"o": None}, optimizer="o")
    assert not_found({"optimizer": OPTIMIZER, "n": -1}, step="n").startswith(
        "n: must be a whole number, 0 or"
    )


def test_a_part_saved_as_none_is_not_there() -> None:
    assert found({"optimizer": OPTIMIZER, "scheduler": None, "step": None}).scheduler is None


def test_without_any_state_there_is_nothing_to_look_at() -> None:
    assert not_found({"epoch": 3}) == (
        "has neither an optimizer's nor a scheduler's state under a usual name; it has epoch; "
        "say which with --optimizer-key or --scheduler-key"
    )
    assert not_found({}).endswith("it has no entries; say which with --optimizer-key or --scheduler-key")
    assert not_found(torch.nn.Linear(2, 1).state_dict()).startswith("holds 2 tensors, a model's weights")
    assert not_found(torch.zeros(2)) == "holds a tensor of shape (2), where a checkpoint is a dict"
    assert not_found(None) == "holds None, where a checkpoint is a dict"
    assert "the entries 0 to 1" in not_found([1, 2])


def test_a_step_is_a_whole_number_in_any_guise() -> None:
    for seven in (7, 7.0, torch.tensor(7), torch.tensor([7.0])):
        assert found({"optimizer": OPTIMIZER, "step": seven}).step.value == 7
    for other in ("7", 7.5, -1, True, float("nan"), float("inf"), torch.zeros(2), None):
        assert whole(other) is None
        assert found({"optimizer": OPTIMIZER, "step": other}).step is None


def test_long_keys_are_shortened() -> None:
    assert keys_text({"x" * 100: 1}) == "x" * 39 + "…"
