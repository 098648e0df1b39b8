"""Names and shapes from files: headers alone, whatever stands in them, and nothing is run."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from models import pretrained, schedule_of
from safetensors.torch import save_file

from lrsched_cli import ScheduleFileError
from lrsched_cli.core.files.safetensors_header import MAX_HEADER
from lrsched_cli.core.model_parameters import ModelListing, ModelParameter, parameters_of_module
from lrsched_cli.core.model_source import read_model

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path("m.safetensors")
NAMES = st.from_regex(r"[a-z]+(\.[a-z0-9]+)*", fullmatch=True)


def read(path: Path | str) -> ModelListing:
    return read_model(str(path), trust=False)


def shapes(path: Path | str) -> dict[str, tuple[int, ...] | None]:
    return {one.name: one.shape for one in read(path).parameters}


def refused(path: Path | str) -> str:
    with pytest.raises(ScheduleFileError) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    return problem.message


def tensor(shape: list[int], start: int, dtype: str = "F32", bits: int = 32) -> dict[str, Any]:
    size = bits // 8
    for one in shape:
        size *= one
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, start + size]}


def write_safetensors(header: Mapping[str, Any] | bytes, data: int, path: Path = FILE, **head: int) -> None:
    """A file of this header and as many bytes of tensors, which take no room on the disk."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(head.get("length", len(text)).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + data)


class TestSafetensors:
    def test_names_and_shapes_are_those_that_the_library_wrote(self) -> None:
        weights = {"b.weight": torch.zeros(3, 4), "a": torch.zeros(()), "half": torch.zeros(2, 0).half()}
        save_file(weights, FILE)
        assert shapes(FILE) == {name: tuple(one.shape) for name, one in weights.items()}

    @pytest.mark.parametrize("kind", ["bert", "llama"])
    def test_a_saved_model_has_the_parameters_of_the_module(self, kind: str) -> None:
        model = pretrained(kind)
        model.save_pretrained("saved")  # type: ignore[operator]
        assert shapes("saved/model.safetensors") == {
            one.name: one.shape for one in parameters_of_module(model)
        }

    def test_buffers_are_left_out_and_told(self) -> None:
        save_file(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).state_dict(), FILE)
        found = read(FILE)
        assert [one.name for one in found.parameters] == ["0.bias", "0.weight", "1.bias", "1.weight"]
        (note,) = found.notes
        assert note.startswith("3 tensors are buffers and left out: 1.num_batches_tracked")

    @pytest.mark.parametrize(
        ("header", "data", "said"),
        [
            (b"", 0, "its header is no JSON"),
            (b"[]", 0, "its header is no JSON object"),
            (b"\xff{}", 0, "its header is no JSON"),
            (b"[" * 100_000, 0, "its header is no JSON"),
            (b'{"a": {"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,4]}}', 4, "is no JSON"),
            (b'{"a": {}, "b": {}, "a": {}}', 0, 'its header has "a" twice'),
            (b'{"a": {"dtype":"F32","dtype":"F64","shape":[],"data_offsets":[0,4]}}', 4, 'has "dtype" twice'),
            ({"a": 3}, 0, 'says of "a" something else than dtype, shape and data_offsets'),
            ({"a": {**tensor([1], 0), "more": 1}}, 4, "something else than dtype, shape and data_offsets"),
            ({"a": tensor([1], 0, "F33")}, 4, 'gives "a" an unknown dtype, "F33"'),
            ({"a": {**tensor([1], 0), "dtype": ["F32"]}}, 4, "an unknown dtype"),
            ({"a": {**tensor([1], 0), "shape": [-1]}}, 4, 'gives "a" no shape: [-1]'),
            ({"a": {**tensor([1], 0), "shape": [True]}}, 4, 'gives "a" no shape: [true]'),
            ({"a": {**tensor([1], 0), "shape": [1.0]}}, 4, 'gives "a" no shape: [1.0]'),
            ({"a": {**tensor([1], 0), "shape": [1] * 65}}, 4, 'gives "a" no shape: ['),
            ({"a": {**tensor([1], 0), "data_offsets": [4, 0]}}, 4, 'gives "a" no place: [4, 0]'),
            ({"a": {**tensor([1], 0), "data_offsets": [0]}}, 4, 'gives "a" no place: [0]'),
            ({"a": {**tensor([1], 0), "shape": [2]}}, 4, 'gives "a" 4 bytes, which is not [2] of F32'),
            ({"a": tensor([1], 0), "b": tensor([1], 0)}, 4, 'places "b" at byte 0, where 4 comes next'),
            ({"a": tensor([1], 0), "b": tensor([1], 8)}, 12, 'places "b" at byte 8, where 4 comes next'),
            ({"a": tensor([9], 0)}, 8, "tells of 36 bytes of tensors, and the file has 8: it is cut short"),
            ({"a": tensor([1], 0)}, 8, "tells of 4 bytes of tensors, and the file has 8: it goes on behind"),
            ({"a\x1b[2J": tensor([1], 0)}, 4, 'holds what is no name of a parameter: "a\\u001b[2J"'),
            ({"": tensor([1], 0)}, 4, "holds what is no name of a parameter"),
            ({"a" * 1001: tensor([1], 0)}, 4, "is a name of more than 1,000 characters"),
            ({"__metadata__": {"format": "pt"}}, 0, "holds no parameter"),
            ({"ids": tensor([2], 0, "I64", 64)}, 16, "holds no parameter"),
        ],
    )
    def test_a_header_that_is_not_as_the_format_demands_is_refused(
        self, header: Mapping[str, Any] | bytes, data: int, said: str
    ) -> None:
        write_safetensors(header, data)
        assert said in refused(FILE)

    def test_a_length_is_checked_before_so_much_is_read(self) -> None:
        write_safetensors({}, 0, length=MAX_HEADER + 1)
        assert refused(FILE) == "is no safetensors file, or damaged: its header would be over 100 MB long"
        write_safetensors({}, 0, length=5000)
        assert refused(FILE) == "is cut short: its header has 5,000 bytes, and 2 are there"
        FILE.write_bytes(b"abc")
        assert refused(FILE) == "is cut short: no safetensors file is under 8 bytes"

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_or_refused(self, content: bytes) -> None:
        FILE.write_bytes(len(content).to_bytes(8, "little") + content)
        with pytest.raises(ScheduleFileError):
            read(FILE)

    def test_a_hundred_gigabytes_take_little_memory_and_time(self) -> None:
        rows = 10_000_000_000 // 4
        header = {f"layers.{n}.weight": tensor([rows, 1], n * rows * 4) for n in range(10)}
        write_safetensors(header, 10 * rows * 4)
        assert FILE.stat().st_size > 100_000_000_000
        limit = 800_000_000  # of the address space: whoever maps or reads the file fails
        script = (
            "import resource, sys\n"
            f"resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))\n"
            "from lrsched_cli.core.model_source import read_model\n"
            f"found = read_model({str(FILE)!r}, trust=False)\n"
            "print(sum(one.elements for one in found.parameters), 'torch' in sys.modules)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60
        )
        assert (done.stdout, done.stderr) == (f"{10 * rows} False\n", "")


def write_shards(folder: Path, layers: int, shards: int) -> list[str]:
    """An index of 10 tensors in each layer, spread over so many shards; returns the names."""
    folder.mkdir()
    headers: list[dict[str, Any]] = [{} for _ in range(shards)]
    ends = [0] * shards
    weight_map = {}
    for layer in range(layers):
        shard = layer * shards // layers
        for part in ("q", "k", "v", "o", "up"):
            for kind, shape in (("weight", [4, 2]), ("bias", [4])):
                name = f"model.layers.{layer}.{part}.{kind}"
                headers[shard][name] = tensor(shape, ends[shard], "BF16", 16)
                ends[shard] = headers[shard][name]["data_offsets"][1]
                weight_map[name] = f"model-{shard + 1:05}.safetensors"
    for shard, header in enumerate(headers):
        write_safetensors(header, ends[shard], folder / f"model-{shard + 1:05}.safetensors")
    index = {"metadata": {"total_size": sum(ends)}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return list(weight_map)


class TestIndex:
    INDEX = Path("big/model.safetensors.index.json")

    def test_three_thousand_tensors_in_shards(self) -> None:
        names = write_shards(Path("big"), layers=300, shards=7)
        assert len(names) == 3000
        found = read(self.INDEX)
        assert [one.name for one in found.parameters] == names
        assert {one.shape for one in found.parameters} == {(4, 2), (4,)}
        assert found.notes == ()

    def test_its_groups_are_those_of_the_real_module(self) -> None:
        write_shards(Path("big"), layers=300, shards=7)
        layer = torch.nn.ModuleDict({part: torch.nn.Linear(2, 4) for part in ("q", "k", "v", "o", "up")})
        layers = [layer, *(type(layer)({k: torch.nn.Linear(2, 4) for k in layer}) for _ in range(299))]
        model = torch.nn.ModuleDict({"model": torch.nn.ModuleDict({"layers": torch.nn.ModuleList(layers)})})
        schedule = schedule_of(
            "optimizer: {type: AdamW, weight_decay: 0.1}\nno_weight_decay: {dims_below: 2}\n"
            "layer_decay: {layer: 're:layers\\.(\\d+)\\.', factor: 0.99}\n"
        )
        shown = schedule.with_model(self.INDEX)
        optimizer = schedule.build_optimizer(model)
        names = {id(one): name for name, one in model.named_parameters()}
        assert len(shown.param_groups) == 600
        assert [
            (group["name"], group["lr"], {names[id(one)] for one in group["params"]})
            for group in optimizer.param_groups
        ] == [(group.name, shown.base_lr(group), set(group.shapes)) for group in shown.param_groups]

    def test_a_shard_that_is_not_there_leaves_shapes_unknown_and_is_told(self) -> None:
        write_shards(Path("big"), layers=4, shards=4)
        Path("big/model-00002.safetensors").unlink()
        found = read(self.INDEX)
        assert found.notes == ("1 of 4 shards, of 10 tensors, are not beside it: model-00002.safetensors",)
        assert sum(one.shape is None for one in found.parameters) == 10

    def test_shards_that_torch_wrote_are_read_too(self) -> None:
        torch.save({"a": torch.zeros(2, 3)}, "one.bin")
        Path("m.bin.index.json").write_text('{"weight_map": {"a": "one.bin"}}')
        assert shapes("m.bin.index.json") == {"a": (2, 3)}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "is no JSON"),
            ("[]", "is no JSON object"),
            ('{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}', 'has "a" twice'),
            ('{"weight_map": []}', "has no weight_map"),
            ('{"metadata": {}}', "has no weight_map"),
            (
                '{"weight_map": {"a": "../x.safetensors"}}',
                'must be in a file beside it (got "../x.safetensors")',
            ),
            ('{"weight_map": {"a": "/etc/passwd"}}', 'must be in a file beside it (got "/etc/passwd")'),
            ('{"weight_map": {"a": ".."}}', 'must be in a file beside it (got "..")'),
            ('{"weight_map": {"a": 3}}', "must be in a file beside it (got 3)"),
            ('{"weight_map": {"a\\nb": "x.safetensors"}}', "is no name of a parameter"),
        ],
    )
    def test_what_is_no_index_is_refused(self, text: str, said: str) -> None:
        Path("m.index.json").write_text(text)
        assert said in refused("m.index.json")

    def test_a_shard_of_no_possible_name_is_told(self) -> None:
        Path("m.index.json").write_text(json.dumps({"weight_map": {"a": "x" * 300}}), encoding="utf-8")
        said = refused("m.index.json")
        assert said.startswith('weight_map: "xxx')
        assert "is no name of a file: File name too long" in said

    def test_a_shard_that_lacks_what_the_index_says_is_refused(self) -> None:
        save_file({"b": torch.zeros(1)}, "x.safetensors")
        Path("m.index.json").write_text('{"weight_map": {"a": "x.safetensors", "b": "x.safetensors"}}')
        with pytest.raises(
            ScheduleFileError, match=r"^x\.safetensors: lacks a, which its index says is there"
        ):
            read("m.index.json")


class TestCheckpoints:
    @pytest.mark.parametrize("zipped", [True, False])
    @pytest.mark.parametrize("key", ["", "model", "state_dict", "model_state_dict"])
    def test_a_state_dict_is_found(self, key: str, *, zipped: bool) -> None:
        weights = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).state_dict()
        content = {key: weights, "step": 3, "optimizer": {"state": {}}} if key else weights
        torch.save(content, "c.pt", _use_new_zipfile_serialization=zipped)
        assert shapes("c.pt") == {"0.weight": (3, 2), "0.bias": (3,), "1.weight": (3,), "1.bias": (3,)}
        assert (f"the parameters are those of {key!r}" in read("c.pt").notes) is bool(key)

    def test_tied_weights_are_one_parameter(self) -> None:
        model = pretrained("gpt2")
        torch.save(model.state_dict(), "c.pt")
        assert set(read("c.pt").parameters) == set(parameters_of_module(model))
        assert any(one.also == ("lm_head.weight",) for one in read("c.pt").parameters)

    def test_parts_of_one_tensor_are_not_tied(self) -> None:
        whole = torch.zeros(4, 2)
        torch.save(
            {"a": whole[:2], "b": whole[2:], "c": whole, "d": torch.empty(0), "e": torch.empty(0)}, "c.pt"
        )
        assert [one.names for one in read("c.pt").parameters] == [("a",), ("b",), ("c",), ("d",), ("e",)]

    def test_nothing_in_it_is_run(self) -> None:
        Path("c.pt").write_bytes(pickle.dumps(_Runs()))
        assert "loading it would run code" in refused("c.pt")
        assert not Path("ran").exists()

    def test_without_a_state_dict_it_is_refused(self) -> None:
        torch.save({"optimizer": {"state": {}}, "epoch": 3}, "c.pt")
        assert refused("c.pt").endswith("it has optimizer, epoch")
        torch.save([1], "c.pt")
        assert refused("c.pt").startswith("has no model's state dict")


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


class TestLists:
    def test_a_name_per_line_with_or_without_a_shape(self) -> None:
        Path("names.txt").write_text(
            "# a comment\n\nstem.weight [768, 3]\n  head.bias 10   # ten\nnorm\na (5,)\n"
            "b torch.Size([2, 3])\nc []\r\nd 2x3 x 4\ne#f\n"
        )
        assert shapes("names.txt") == {
            "stem.weight": (768, 3),
            "head.bias": (10,),
            "norm": None,
            "a": (5,),
            "b": (2, 3),
            "c": (),
            "d": (2, 3, 4),
            "e#f": None,
        }

    def test_every_line_that_is_wrong_is_told(self) -> None:
        Path("names.txt").write_text("a\nb wide\n  a [3\na [3]\nc [-1]\nd [99999999999999999999]\n")
        with pytest.raises(ScheduleFileError) as caught:
            read("names.txt")
        assert list(map(str, caught.value.problems)) == [
            'names.txt:2:3: is no shape, such as [768, 768] or 768x768 (got "wide")',
            "names.txt:3:3: is line 1 too",
            "names.txt:4:1: is line 1 too",
            'names.txt:5:3: is no shape, such as [768, 768] or 768x768 (got "[-1]")',
            'names.txt:6:3: is no shape, such as [768, 768] or 768x768 (got "[99999999999999999999]")',
        ]

    @pytest.mark.parametrize(
        ("content", "said"),
        [(b"# nothing\n", "names no parameter"), (b"\xff\xfea", "UTF-16"), (b"a\xff", "is not UTF-8 text")],
    )
    def test_what_is_no_list_is_refused(self, content: bytes, said: str) -> None:
        Path("names.txt").write_bytes(content)
        assert said in refused("names.txt")

    @given(st.dictionaries(NAMES, st.lists(st.integers(0, 99)), min_size=1))
    def test_what_is_written_is_read(self, stated: dict[str, list[int]]) -> None:
        Path("names.txt").write_text("".join(f"{name} {shape}\n" for name, shape in stated.items()))
        assert read("names.txt").parameters == tuple(
            ModelParameter(name, tuple(shape)) for name, shape in stated.items()
        )


@pytest.mark.parametrize("name", ["m.safetensors", "m.index.json", "m.txt", "m.pt"])
def test_a_file_that_is_not_there_is_told(name: str) -> None:
    assert refused(name) == "no such file"
    Path(name).mkdir()
    assert refused(name) == "is a folder; give a file"
    (Path(name) / "pytorch_model.bin").write_bytes(b"")
    assert refused(name) == f"is a folder; give {name}/pytorch_model.bin"
