"""Checkpoints for use: a folder with model.safetensors, config.json, and the tokenizers beside them in tokenizer/.

Where the parameters of several epochs are kept, those of the second best are in model-2.safetensors, and so on.
Nothing in such a folder is code: no pickle is ever read.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from seqlab.core.atomic import atomic_directory, write_bytes, write_json
from seqlab.core.errors import SeqlabError
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq, parts

MODEL, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer"
FORMAT = 1
# In config.json, below `training`: the epochs whose parameters are kept, where they are several.
KEPT = "kept"
# A description of a few hundred bytes; a file beyond this is something else.
_LONGEST_CONFIG = 1 << 20
_DTYPE = "F32"
T = TypeVar("T")


def write_checkpoint(
    folder: Path,
    config: ModelConfig,
    kept: Sequence[Mapping[str, Tensor]],
    tokenizer: Path,
    metadata: Mapping[str, Any],
) -> None:
    """Write a checkpoint atomically: `folder` is complete, or what it was.

    Args:
        folder: Where to, such as models/best.
        config: The shape of the model.
        kept: Its parameters as `model_tensors` gives them, of one epoch or of several, best first.
        tokenizer: Folder of the tokenizers, copied.
        metadata: What else is worth knowing, such as step and scores; goes into config.json as `training`.
    """
    content = {"format": FORMAT, "model": asdict(config), "training": dict(metadata)}
    with atomic_directory(folder) as temporary:
        for rank, tensors in enumerate(kept, start=1):
            # One key of metadata at most: the library writes them in random order.
            write_bytes(temporary / model_file(rank), safetensors.torch.save(dict(tensors), {"format": "pt"}))
        write_json(temporary / CONFIG, content)
        (temporary / TOKENIZER).mkdir()
        for path in tokenizer.iterdir():
            write_bytes(temporary / TOKENIZER / path.name, path.read_bytes())


def load_checkpoint(folder: Path, device: str | torch.device = "cpu", rank: int = 1) -> Seq2Seq:
    """Read the model of a checkpoint.

    Args:
        folder: The checkpoint.
        device: Where to put the model.
        rank: Which of the kept epochs' parameters; 1 is the best.

    Raises:
        SeqlabError: a file is missing or damaged, is a pickle, or the tensors are not those of the configuration.
    """
    config = read_config(folder)
    path = folder / model_file(rank)
    _refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as file:
            _check_layout(path, config, {name: file.get_slice(name) for name in file.keys()})  # noqa: SIM118 (no mapping)
            model = Seq2Seq(config, torch.Generator())
            load_tensors(model, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except SafetensorError as error:
        raise SeqlabError(
            f"{path} is damaged or no safetensors file ({error}); run `dvc repro` to make it anew"
        ) from None
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise SeqlabError(f"{path}: {name} holds numbers that are not finite; train again at a lower learning rate")
    return model.to(device).eval()


def read_config(folder: Path) -> ModelConfig:
    """Read the shape of a checkpoint's model.

    Raises:
        SeqlabError: config.json is missing, damaged, or of another version of seqlab.
    """
    return _described(folder, lambda content: _config(content["model"]))


def count_kept(folder: Path) -> int:
    """How many epochs' parameters a checkpoint has.

    Raises:
        SeqlabError: as `read_config`.
    """
    return _described(folder, lambda content: _kept(content["training"]))


def model_file(rank: int) -> str:
    """Name of the file with the parameters of the best epoch (rank 1), the second best (2), and so on."""
    return MODEL if rank == 1 else f"model-{rank}.safetensors"


def _described(folder: Path, read: Callable[[Any], T]) -> T:
    """What config.json says, by `read`."""
    path = folder / CONFIG
    try:
        with open(path, "rb") as file:
            content = json.loads(file.read(_LONGEST_CONFIG))
        if content["format"] != FORMAT:
            raise SeqlabError(f"{path} is of format {content['format']!r:.80}; this version of seqlab reads {FORMAT}")
        return read(content)
    except OSError as error:
        raise SeqlabError(f"no checkpoint in {folder}: {CONFIG}: {error.strerror}; `dvc repro` makes one") from None
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise SeqlabError(f"{path} describes no model: {where + ': ' if where else ''}{problem['msg']}") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SeqlabError(f"{path} is damaged or no description of a checkpoint ({error!r:.200})") from None


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The model's tensors on the CPU by name; where the model is on the CPU they are its own, not copies."""
    # Unlike a state_dict, without the second name of what is tied.
    return {name: tensor.detach().cpu().contiguous() for name, tensor in model.named_parameters()}


def load_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy tensors into a model: its own memory stays, so that alignment and thus bytes do not depend on a file.

    Raises:
        ValueError: they are not this model's tensors.
    """
    own = dict(model.named_parameters())
    if {name: tensor.shape for name, tensor in own.items()} != {name: tensor.shape for name, tensor in tensors.items()}:
        raise ValueError("tensors of another architecture")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def _config(record: Mapping[str, Any]) -> ModelConfig:
    expected = {field.name for field in fields(ModelConfig)}
    if set(record) != expected:
        raise ValueError(f"options {', '.join(sorted(set(record) ^ expected))} missing or unknown")
    return TypeAdapter(ModelConfig).validate_json(json.dumps(record), strict=True)


def _kept(training: Mapping[str, Any]) -> int:
    if KEPT not in training:
        return 1
    if not isinstance(training[KEPT], list) or len(training[KEPT]) < 2:
        raise ValueError(f"training.{KEPT} lists no epochs")
    return len(training[KEPT])


def _refuse_pickle(path: Path) -> None:
    try:
        with open(path, "rb") as file:
            start = file.read(9)
    except OSError as error:
        raise SeqlabError(
            f"no checkpoint in {path.parent}: {path.name}: {error.strerror}; `dvc repro` makes one"
        ) from None
    # The length of a safetensors header may begin with the bytes of a pickle; an opening brace follows it.
    if start.startswith((b"PK\x03\x04", b"\x80")) and start[8:] != b"{":
        raise SeqlabError(f"{path} is a pickle, which can run any code: refused; only safetensors files are read")


def _check_layout(path: Path, config: ModelConfig, slices: Mapping[str, Any]) -> None:
    """Compare the file's header with the configuration before any memory is taken for either."""
    # Each layer has tensors of its own: a configuration with more layers than tensors lies.
    if config.layers > len(slices):
        raise SeqlabError(
            f"{path} has {len(slices)} tensors, too few for the {config.layers} layers of {CONFIG}{_ANOTHER}"
        )
    try:
        with torch.device("meta"):
            model = nn.ModuleDict(dict(zip(("encoder", "decoder"), parts(config), strict=True)))
    except (RuntimeError, TypeError) as error:  # a size, or their product, that 64 bits cannot hold
        problem = str(error).partition("\n")[0]
        raise SeqlabError(f"{path} has not the tensors that {CONFIG} asks for ({problem:.200}){_ANOTHER}") from None
    expected = {name: (_DTYPE, list(tensor.shape)) for name, tensor in model.named_parameters()}
    found = {name: (part.get_dtype(), list(part.get_shape())) for name, part in slices.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise SeqlabError(
                f"{path}: tensor {name} is {_layout(found.get(name))}, where {CONFIG} asks for "
                f"{_layout(expected.get(name))}{_ANOTHER}"
            )


_ANOTHER = ": a checkpoint of another architecture; put the two files of one checkpoint together, or train again"


def _layout(tensor: tuple[str, list[int]] | None) -> str:
    if tensor is None:
        return "none"
    return f"{'×'.join(map(str, tensor[1])) or 'scalar'} {tensor[0]}"
