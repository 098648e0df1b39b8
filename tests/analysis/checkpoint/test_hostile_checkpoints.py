"""A checkpoint from a stranger runs nothing, fills nothing and keeps nobody waiting."""

from __future__ import annotations

import os
import pickle
import struct
import time
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from lrsched_cli.analysis.checkpoint.inspection import CheckpointKeys, inspect_checkpoint
from lrsched_cli.core.config import load_schedule
from lrsched_cli.core.files.checkpoint_file import read_checkpoint_file
from lrsched_cli.core.files.plain_data import MAX_DEPTH
from lrsched_cli.core.files.weight_files import read_checkpoint_weights
from lrsched_cli.errors import LrschedError, UsageError

FILE = Path("run.pt")
BOMB = "it is a bomb"
START = b"\x80\x02"
DOUBLED = b")" + b"".join(b"q" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(40))
"""A tuple of twice the tuple before it, forty times."""
IN_ITSELF = b"]q\x01h\x01a"
FOURTY_LISTS = b"](" + b"".join(b"]q" + bytes([n]) for n in range(40)) + b"e"
FILLED = b"h\x00" + b"".join(
    b"K" + bytes([n]) + b"h" + bytes([n]) + b"(h" + bytes([n + 1]) + b"h" + bytes([n + 1]) + b"e"
    for n in range(39)
)
"""Each of the lists filled with the next one twice, only after it stands where it is."""


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def scheduler(inside: bytes) -> bytes:
    """A checkpoint whose scheduler has something hostile where its LRs should be."""
    return (
        b"}(" + text("scheduler") + b"}(" + text("last_epoch") + b"K\x03" + text("_last_lr") + inside + b"uu."
    )


def long(value: int) -> bytes:
    digits = value.to_bytes(value.bit_length() // 8 + 1, "little")
    return b"\x8a" + bytes([len(digits)]) + digits


HASHED_ALIKE = [n * (2**61 - 1) for n in range(1, 20_001)]

PICKLES = {
    "keys that hash alike": (b"}(" + b"".join(long(key) + b"N" for key in HASHED_ALIKE) + b"u.", BOMB),
    "a key after the other": (b"}" + b"".join(long(key) + b"Ns" for key in HASHED_ALIKE) + b".", BOMB),
    "large floats as keys": (
        b"}(" + b"".join(b"G" + struct.pack(">d", 2.0**70 * n) + b"N" for n in range(1, 20_001)) + b"u.", BOMB
    ),
    "tuples as keys": (
        b"}(" + b"".join(b"J" + struct.pack("<i", n) + b"\x85N" for n in range(20_000)) + b"u.", BOMB
    ),
    "a set that hashes alike": (
        b"cbuiltins\nset\n](" + b"".join(map(long, HASHED_ALIKE)) + b"e\x85R.", BOMB
    ),
    "a list that is made a set, again and again": (
        b"}(K\x00](" + b"K\x01" * 5_000 + b"eq\x01" + b"K\x01cbuiltins\nset\nh\x01\x85R" * 2_000 + b"u.", BOMB
    ),
    "a list that grows where it is named": (b"}(K\x00]q\x01K\x01h\x01(K\x02K\x03eu.", "grows in two places"),
    "a function of torch's that calls another": (
        b"ctorch._tensor\n_rebuild_from_type_v2\n(cbuiltins\nset\nctorch\nTensor\n]("
        + b"".join(map(long, HASHED_ALIKE)) + b"e\x85}tR.", BOMB,
    ),
    "100 MB of zeros, again and again": (
        b"}" + b"K\x01cbuiltins\nbytearray\nJ\x00\xe1\xf5\x05\x85Rs" * 300 + b".", BOMB
    ),
    "a long text that is encoded, again and again": (
        b"}K\x00" + text("x" * 5_000_000) + b"q\x01sK\x02" + text("latin1") + b"q\x02s"
        + b"K\x01c_codecs\nencode\nh\x01h\x02\x86Rs" * 20_000 + b".", BOMB,
    ),
    "5 million parts": (b"](" + b"K\x07" * 4_900_000 + b"e.", "more than 1,500,000 parts"),
    "a key whose hash never ends": (b"}" + DOUBLED + b"K\x01s.", BOMB),
    "a value that nobody can print": (scheduler(DOUBLED), BOMB),
    "20 GB of zeros": (
        b"cbuiltins\nbytearray\n\x8a\x05" + (20 * 10**9).to_bytes(5, "little") + b"\x85R.", BOMB,
    ),
    "100,000 lists in each other": (scheduler(b"]" * 100_000 + b"a" * 99_999), BOMB),
    "lists in each other, just too deep": (
        scheduler(b"]" * MAX_DEPTH + b"a" * (MAX_DEPTH - 1)), f"nested deeper than {MAX_DEPTH} levels"
    ),
    "a list in itself": (scheduler(IN_ITSELF), "contains itself"),
    "lists that grow afterwards": (
        b"}(" + text("a") + FOURTY_LISTS + text("scheduler") + b"}(" + text("last_epoch") + b"K\x03"
        + text("_last_lr") + FILLED + b"uu.", "grows in two places",
    ),
}  # fmt: skip


def archive(data: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(FILE, "w", compression) as file:
        file.writestr("archive/data.pkl", data)
        file.writestr("archive/byteorder", "little")
        file.writestr("archive/version", "3\n")


@pytest.mark.parametrize(("data", "reason"), PICKLES.values(), ids=PICKLES.keys())
def test_a_pickle_that_is_a_bomb_is_refused_at_once(data: bytes, reason: str) -> None:
    archive(START + data)
    started = time.process_time()
    with pytest.raises(UsageError, match=f"^run.pt: .*{reason}"):
        read_checkpoint_file(FILE)
    assert time.process_time() - started < 2


BOMB_OF_A_KEY = START + b"}" + DOUBLED + b"K\x01s."
TWO_OF_A_NAME = "several records of one name"


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ({"a/DATA.PKL": BOMB_OF_A_KEY, "a/x/data.pkl": START + b"}."}, TWO_OF_A_NAME),
        ({"a/DATA.PKL": START + b"}.", "a/data.pkl": START + b"}."}, TWO_OF_A_NAME),
        ({"a/data.pkl": START + b"}.", "a/x": b"", "a/X": b""}, TWO_OF_A_NAME),
        ({"a/DATA.PKL": BOMB_OF_A_KEY}, BOMB),
        ({"a/data.pkl": START + b"}.", "a/other.PKL": BOMB_OF_A_KEY}, BOMB),
        ({"a/data.pkl": START + b"}.", "a/CONSTANTS.pkl": START + b")."}, "TorchScript"),
    ],
)
def test_names_in_an_archive_count_in_any_case(records: dict[str, bytes], reason: str) -> None:
    with zipfile.ZipFile(FILE, "w") as file:
        for name, content in records.items():
            file.writestr(name, content)
        file.writestr("a/version", "3\n")
    with pytest.raises(UsageError, match=reason):
        read_checkpoint_file(FILE)


def test_an_archive_with_a_table_of_contents_for_python_and_one_for_torch_is_refused() -> None:
    parts = []
    for content in (START + b"}.", START + b"]."):
        archive(content)
        whole = FILE.read_bytes()
        records, directory, end = whole.partition(b"PK\x01\x02")
        directory, end = directory + end.partition(b"PK\x05\x06")[0], b"PK\x05\x06"
        parts.append((records, directory))
    (records, first), (_, second) = parts
    # Torch obeys the offset, of the first; Python goes back from the end, to the second, and shifts it all.
    end += struct.pack("<4H2IH", 0, 0, 3, 3, len(second), len(records), 0)
    FILE.write_bytes(records + first + parts[1][0] + second + end)
    with zipfile.ZipFile(FILE) as file:
        assert file.read("archive/data.pkl") == START + b"]."
    assert torch.load(FILE, weights_only=True) == {}
    with pytest.raises(UsageError, match="two tables of contents"):
        read_checkpoint_file(FILE)


def test_a_bomb_in_the_old_format_is_refused_too() -> None:
    torch.save({"a": 1}, FILE, _use_new_zipfile_serialization=False)
    whole = FILE.read_bytes()
    at = whole.index(START + b"}q\x00X\x01\x00\x00\x00aq\x01K\x01s.")
    FILE.write_bytes(whole[:at] + START + b"}" + DOUBLED + b"K\x01s." + whole[at:])
    with pytest.raises(UsageError, match=BOMB):
        read_checkpoint_file(FILE)


def test_a_zip_bomb_is_refused_without_unpacking_it() -> None:
    archive(START + b"}" + text("a" * 300_000_000) + b"K\x01s.", zipfile.ZIP_DEFLATED)
    assert FILE.stat().st_size < 1_000_000
    started = time.process_time()
    with pytest.raises(UsageError, match=BOMB):
        read_checkpoint_file(FILE)
    assert time.process_time() - started < 1


def test_an_archive_whose_records_lie_over_each_other_is_refused() -> None:
    archive(START + b"}" + text("a" * 10_000) + b"K\x01s.")
    whole = bytearray(FILE.read_bytes())
    place = whole.index(b"PK\x01\x02")  # the central directory; its second entry now is the first one again
    second = whole.index(b"PK\x01\x02", place + 4)
    whole[second + 20 : second + 28] = whole[place + 20 : place + 28]
    FILE.write_bytes(whole)
    with pytest.raises(UsageError, match=BOMB):
        read_checkpoint_file(FILE)


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("written_by", ["torch", "torch of old", "pickle"])
def test_nothing_in_a_pickle_is_run(protocol: int, written_by: str) -> None:
    content = {"optimizer": Evil(), "step": 1}
    if written_by == "pickle":
        FILE.write_bytes(pickle.dumps(content, protocol))
    else:
        zipped = written_by == "torch"
        torch.save(content, FILE, pickle_protocol=max(protocol, 2), _use_new_zipfile_serialization=zipped)
    with pytest.raises(UsageError, match=r"^run\.pt: ") as told:
        read_checkpoint_file(FILE)
    assert "\n" not in str(told.value)
    assert not Path("executed").exists()


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.touch, "is empty"),
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is no regular file"),
        (a_loop, "there is no such file"),
        (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
        (lambda path: path.symlink_to("/proc/self/mem"), "cannot be read: "),
        (lambda path: path.symlink_to("/proc/self/environ"), "is no checkpoint"),
        (lambda path: path.write_bytes(b"PK\x03\x04" + b"\0" * 10_000_000), "is cut short or damaged"),
    ],
)
def test_what_is_no_file_of_the_kind_is_told_at_once(make: Any, reason: str) -> None:
    make(FILE)
    with pytest.raises(UsageError, match=f"^run.pt: {reason}"):
        read_checkpoint_file(FILE)


def test_large_checkpoints_are_read_as_ever() -> None:
    content = {
        "model": [torch.ones(500, 500) for _ in range(400)],
        "names": [str(one) for one in range(10**5)],
    }
    for zipped in (True, False):
        torch.save(content, FILE, _use_new_zipfile_serialization=zipped)
        assert len(read_checkpoint_file(FILE)["model"]) == 400


def test_a_record_of_64_mib_beside_the_tensors_is_refused_unread() -> None:
    with zipfile.ZipFile(FILE, "w") as file, file.open("a/data.pkl", "w") as record:
        for _ in range(65):
            record.write(bytes(2**20))
    with pytest.raises(UsageError, match="more than 64 MiB beside its tensors"):
        read_checkpoint_file(FILE)


def with_a_number_for_a_method() -> torch.Tensor:
    made = torch.ones(1)
    made.__dict__["numel"] = 5
    return made


ONE = torch.ones(1)
BYTE = torch.ones(1, dtype=torch.uint8)
with warnings.catch_warnings(action="ignore"):  # torch says that these are in beta
    COMPRESSED = torch.ones(1, 1).to_sparse_csr()
    NESTED, NESTED_OF_TWO = (torch.nested.nested_tensor([ONE] * count) for count in (1, 2))
    QUANTIZED = torch.quantize_per_tensor(ONE, 0.1, 0, torch.qint8)
ODD_VALUES = {
    "size": torch.Size([1]),
    "no memory": torch.empty(1, device="meta"),
    "sparse": ONE.to_sparse(),
    "compressed": COMPRESSED,
    "nested": NESTED,
    "nested of two": NESTED_OF_TWO,
    "quantized": QUANTIZED,
    "bits": BYTE.view(torch.bits8),
    "float4": BYTE.view(torch.float4_e2m1fn_x2),
    "expanded": ONE.expand(10**11),
    "several": torch.ones(3),
    "a million": torch.ones(10**6),
    "hidden method": with_a_number_for_a_method(),
    "storage": ONE.untyped_storage(),
    "dtype": torch.float32,
    "bytes": b"x" * 1000,
    "tensors in a dict": {"a": torch.ones(3)},
}
PLACES = [
    ("optimizer",),
    ("scheduler",),
    ("step",),
    ("optimizer", "state", 0, "step"),
    ("optimizer", "param_groups", 0, "lr"),
    ("scheduler", "last_epoch"),
    ("scheduler", "_last_lr"),
    ("scheduler", "T_max"),
    ("scheduler", "groups"),
    ("scheduler", "T_cur"),
]


def with_an_odd_value(place: tuple[Any, ...], value: Any) -> Any:
    group = {"lr": 1e-3, "params": [0], "name": "default"}
    own = {"format_version": 1, "global_step": 3, "T_cur": 3, "T_i": 200, "cycle": 0, "lr_scale": 1.0}
    torchs = {"last_epoch": 3, "_last_lr": [1e-3], "base_lrs": [1e-3], "T_max": 3}
    content: Any = {
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [group]},
        "scheduler": own if place[-1] in {"groups", "T_cur"} else torchs,
        "step": 3,
    }
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return content


@pytest.mark.parametrize("value", ODD_VALUES.values(), ids=ODD_VALUES.keys())
def test_odd_values_anywhere_are_reported_or_refused_in_few_words(value: Any) -> None:
    Path("s.yaml").write_text("steps: 5\nscheduler: {type: CosineAnnealingLR, T_max: 5}\n")
    schedule = load_schedule("s.yaml")
    for place in PLACES:
        torch.save(with_an_odd_value(place, value), FILE)
        try:
            told = inspect_checkpoint(schedule, FILE, CheckpointKeys()).settings
        except LrschedError as error:
            told = error  # type: ignore[assignment]
        assert len(str(told)) < 3000, place


@pytest.mark.parametrize("method", ["keys", "values", "items", "get"])
def test_a_dict_whose_method_is_a_number_is_a_dict(method: str) -> None:
    pickled = START + b"ccollections\nOrderedDict\n)R(" + text("a") + b"K\x01u}" + text(method) + b"K\x05sb."
    archive(pickled)
    read = read_checkpoint_file(FILE)
    assert type(read) is dict
    assert list(read.items()) == [("a", 1)]


WEIGHTS = {
    "sparse": (torch.eye(2).to_sparse(), (2, 2)),
    "no memory": (torch.empty(3, device="meta"), (3,)),
    "expanded": (ONE.expand(10**11), (10**11,)),
    "float4": (BYTE.view(torch.float4_e2m1fn_x2), (1,)),
    "parameter": (torch.nn.Parameter(ONE), (1,)),
    "nested": (NESTED_OF_TWO, None),
}


@pytest.mark.parametrize(("weight", "shape"), WEIGHTS.values(), ids=WEIGHTS.keys())
def test_odd_weights_are_listed_where_they_have_a_shape(weight: Any, shape: tuple[int, ...] | None) -> None:
    torch.save({"a": weight, "b": torch.ones(2)}, FILE)
    listed = {one.name: one.shape for one in read_checkpoint_weights(FILE).parameters}
    assert listed == ({"b": (2,)} if shape is None else {"a": shape, "b": (2,)})


def test_weights_are_not_copied_and_what_shares_memory_still_does() -> None:
    weight = torch.ones(10)
    torch.save({"a": weight, "b": weight, "c": weight[:5]}, FILE)
    read = read_checkpoint_file(FILE)
    assert read["a"] is read["b"]
    assert read["c"].untyped_storage().data_ptr() == read["a"].untyped_storage().data_ptr()


NUMBERS = st.one_of(
    st.floats(), st.integers(), st.sampled_from([10**400, -(2**2000), 2**63, True, None, "1", b"1", 1j])
)
ODD = st.recursive(
    NUMBERS | st.text(max_size=3) | st.sampled_from([torch.ones(1), torch.ones(2, 0), torch.tensor(1 + 1j)]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3) | NUMBERS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def mostly(sane: Any) -> Any:
    return st.one_of(st.just(sane), st.just(sane), NUMBERS, ODD)


STATES = st.fixed_dictionaries(
    {},
    optional={
        "optimizer": mostly({"state": {0: {"step": 3}}, "param_groups": [{"lr": 1e-3, "params": [0]}]})
        | st.fixed_dictionaries(
            {
                "state": ODD | st.dictionaries(st.integers(0, 3), st.fixed_dictionaries({"step": mostly(3)})),
                "param_groups": st.lists(
                    st.fixed_dictionaries(
                        {"lr": mostly(1e-3), "params": mostly([0])},
                        optional={"name": mostly("default"), "betas": ODD, "weight_decay": ODD},
                    ),
                    min_size=1, max_size=2,
                ),
            }
        ),
        "scheduler": mostly({"last_epoch": 3, "_last_lr": [1e-3], "base_lrs": [1e-3]})
        | st.fixed_dictionaries(
            {"last_epoch": mostly(3), "_last_lr": mostly([1e-3]), "base_lrs": mostly([1e-3])},
            optional={"T_max": ODD, "_schedulers": ODD, "format_version": ODD},
        ),
        "step": mostly(3),
    },
)  # fmt: skip


HUGE = {"param_groups": [{"lr": 10**400, "params": [0]}], "state": {}}


@example(content={"optimizer": HUGE, "step": 3})
@example(content={"step": 10**400, "scheduler": {"last_epoch": 3, "_last_lr": [10**400]}})
@given(content=STATES)
def test_states_of_any_content_are_reported_or_refused(content: Any) -> None:
    try:
        torch.save(content, FILE)
    except OverflowError:
        return  # no pickle holds it
    Path("s.yaml").write_text("steps: 5\n")
    with suppress(LrschedError):
        inspect_checkpoint(load_schedule("s.yaml"), FILE, CheckpointKeys())
