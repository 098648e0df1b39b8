"""A model's parameters from files of its weights: safetensors, its shards, and what torch.save wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.files.checkpoint_file import read_checkpoint_file
from lrsched_cli.core.files.model_file import bounded_bytes, check_count, refused, wrong_name
from lrsched_cli.core.files.plain_data import Opaque
from lrsched_cli.core.files.safetensors_header import MAX_HEADER, StoredTensor, json_object, read_header
from lrsched_cli.core.messages import shown
from lrsched_cli.core.model_parameters import ModelListing, ModelParameter
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BUFFERS = (".running_mean", ".running_var", ".num_batches_tracked")
"""Buffers of torch's normalization layers: in the file like parameters, and never in an optimizer."""

_USUAL_KEYS = ("model", "state_dict", "model_state_dict", "module", "net", "weights")
_MOST_NAMED = 3
_MOST_SHARDS = 10_000


def read_safetensors(path: Path) -> ModelListing:
    """The parameters of a ``.safetensors`` file; of its tensors nothing is read.

    Raises ScheduleFileError where the file is not as the format demands.
    """
    return _listing(path, [(one, ()) for one in read_header(path)], [])


def read_index(path: Path) -> ModelListing:
    """The parameters of a sharded model, by its ``.index.json``; shapes are those of the shards beside it.

    Raises ScheduleFileError for an index, or a shard, that is not as the format demands.
    """
    try:
        weight_map = json_object(bounded_bytes(path, MAX_HEADER, "index")).get("weight_map")
    except ValueError as error:
        raise refused(path, str(error)) from None
    if not isinstance(weight_map, dict) or not weight_map:
        raise refused(path, "has no weight_map, from a tensor's name to its file; give an .index.json")
    check_count(path, len(weight_map))
    by_shard: dict[str, list[str]] = {}
    for name, shard in weight_map.items():
        if wrong := wrong_name(name):
            raise refused(path, f"weight_map: {wrong}")
        if not isinstance(shard, str) or shard in {"", ".."} or Path(shard).name != shard:
            raise refused(path, f"weight_map: {shown(name)} must be in a file beside it (got {shown(shard)})")
        by_shard.setdefault(shard, []).append(name)
    known: dict[str, _Stored] = {}
    if len(by_shard) > _MOST_SHARDS:
        raise refused(path, f"names {len(by_shard):,} files; {_MOST_SHARDS:,} are allowed")
    missing = [shard for shard in by_shard if not _is_there(path, shard)]
    lacking = set(missing)
    for shard, names in by_shard.items():
        if shard not in lacking:
            known |= _of_shard(path.parent / shard, names)
    stored = [known.get(name, (StoredTensor(name, None, trainable=True), ())) for name in weight_map]
    notes = [_missing_shards(missing, by_shard)] if missing else []
    return _listing(path, stored, notes)


def read_checkpoint_weights(path: Path) -> ModelListing:
    """The parameters of a state dict that ``torch.save`` wrote, or of the one in a checkpoint.

    Nothing that the file holds is run, and tensors stay on the disk where the format allows it. Tensors that
    share their memory are one parameter. Raises ScheduleFileError where no state dict is found.
    """
    stored, notes = _saved_by_torch(path)
    return _listing(path, stored, notes)


_Stored = tuple[StoredTensor, tuple[str, ...]]
"""A tensor, and the further names that it has."""


def _is_there(index: Path, shard: str) -> bool:
    """Whether there is such a file beside the index. Raises ScheduleFileError where there can be none."""
    try:
        return (index.parent / shard).exists()
    except (OSError, ValueError) as error:  # a name that is too long, or is none
        reason = getattr(error, "strerror", None) or error
        raise refused(index, f"weight_map: {shown(shard)} is no name of a file: {reason}") from None


def _of_shard(path: Path, names: Sequence[str]) -> dict[str, _Stored]:
    """What a shard holds of these names. Raises ScheduleFileError where it lacks one."""
    is_safe = path.name.endswith(".safetensors")
    stored = [(one, ()) for one in read_header(path)] if is_safe else _saved_by_torch(path)[0]
    found: dict[str, _Stored] = {one.name: (one, also) for one, also in stored}
    lacking = [name for name in names if name not in found]
    if lacking:
        raise refused(path, f"lacks {_some(lacking)}, which its index says is there")
    return {name: found[name] for name in names}


def _missing_shards(missing: Sequence[str], by_shard: Mapping[str, Sequence[str]]) -> str:
    tensors = sum(len(by_shard[shard]) for shard in missing)
    which = f"{len(missing)} of {len(by_shard)} shards"
    return f"{which}, of {tensors:,} tensors, are not beside it: {_some(missing)}"


def _listing(path: Path, stored: Iterable[_Stored], notes: Iterable[str]) -> ModelListing:
    """The tensors that an optimizer would get: no buffers, as far as a file tells them from parameters."""
    parameters, buffers = [], []
    for one, also in stored:
        if one.trainable and not f".{one.name}".endswith(_BUFFERS):
            parameters.append(ModelParameter(one.name, one.shape, also))
        else:
            buffers.append(one.name)
    if not parameters:
        raise refused(path, "holds no parameter")
    left_out = [f"{len(buffers):,} tensors are buffers and left out: {_some(buffers)}"] if buffers else []
    return ModelListing(str(path), tuple(parameters), (*notes, *left_out))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _saved_by_torch(path: Path) -> tuple[list[_Stored], list[str]]:
    try:
        content = read_checkpoint_file(path)
    except UsageError as error:
        raise refused(path, str(error).removeprefix(f"{path}: ")) from None
    key, weights = _state_dict(path, content)
    names: dict[object, list[str]] = {}
    for name, tensor in weights.items():
        if wrong := wrong_name(name):
            raise refused(path, f"holds what {wrong}")
        names.setdefault(_identity(name, tensor), []).append(name)
    stored = [(_stored(first, weights[first]), tuple(also)) for first, *also in names.values()]
    return stored, [f"the parameters are those of {key!r}"] if key else []


def _identity(name: str, tensor: Any) -> object:
    """What two tensors have in common if and only if they are one parameter of two names."""
    if isinstance(tensor, Opaque) or not tensor.numel():
        return name
    return tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


def _stored(name: str, tensor: Any) -> StoredTensor:
    if isinstance(tensor, Opaque):
        return StoredTensor(name, tensor.shape, tensor.trainable)
    return StoredTensor(name, tuple(tensor.shape), tensor.is_floating_point() or tensor.is_complex())


def _state_dict(path: Path, content: Any) -> tuple[str, dict[str, Any]]:
    """The state dict in what was read, and the key that it stands under (empty: the file is one)."""
    if _is_weights(content):
        return "", _tensors(content)
    inside = content if isinstance(content, Mapping) else {}
    for key in _USUAL_KEYS:
        if _is_weights(inside.get(key)):
            return key, _tensors(inside[key])
    has = f"; it has {_some([str(key) for key in inside])}" if inside else ""
    raise refused(path, f"has no model's state dict, by itself or under {', '.join(_USUAL_KEYS)}{has}")


def _is_weights(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(_tensors(value))


def _tensors(weights: Mapping[Any, Any]) -> dict[str, Any]:
    """The tensors right in a dict; a state dict may hold other things beside them."""
    return {key: one for key, one in weights.items() if isinstance(key, str) and _is_tensor(one)}


def _is_tensor(value: Any) -> bool:
    if isinstance(value, Opaque):
        return value.shape is not None
    return isinstance(value, _torch().Tensor)


def _torch() -> Any:
    import torch  # noqa: PLC0415 - a safetensors file needs none

    return torch
