"""Checkpoints: written whole and deterministically, read only if they are what they say."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from seqlab.core.errors import SeqlabError
from seqlab.seq2seq.checkpoint import load_checkpoint, load_tensors, model_tensors, read_config
from tests.seq2seq.model.tiny import untrained_model
from tests.seq2seq.saved import save_checkpoint

SHAPES: list[dict[str, Any]] = [
    {},
    {"cell": "lstm", "layers": 2, "bidirectional": True, "attention": "additive", "input_feeding": True},
    {"cell": "rnn", "tie_output": True, "context": "every_step", "attention": "general", "dropout": 0.1},
    {"source_vocab_size": 11, "tie_embeddings": True, "tie_output": True},
]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "source.model").write_bytes(b"\x00model")
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def folder(tmp_path: Path, tokenizer: Path) -> Path:
    save_checkpoint(tmp_path / "best", untrained_model(), tokenizer, {"epoch": 3})
    return tmp_path / "best"


@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back(shape: dict[str, Any], tmp_path: Path, tokenizer: Path) -> None:
    model = untrained_model(**shape)
    save_checkpoint(tmp_path / "best", model, tokenizer, {"epoch": 3, "valid": {"bleu": 1.5}})
    loaded = load_checkpoint(tmp_path / "best")
    assert read_config(tmp_path / "best") == loaded.config == model.config
    own = model_tensors(model)
    assert all(torch.equal(tensor, own[name]) for name, tensor in model_tensors(loaded).items())
    assert len(own) == len(list(loaded.parameters()))
    content = json.loads((tmp_path / "best/config.json").read_text())
    assert (content["format"], content["training"]) == (1, {"epoch": 3, "valid": {"bleu": 1.5}})
    assert (tmp_path / "best/tokenizer/source.model").read_bytes() == b"\x00model"


def test_same_bytes_under_any_umask_which_the_modes_honour(tmp_path: Path, tokenizer: Path) -> None:
    import os

    def content(folder: Path, umask: int) -> dict[str, bytes]:
        before = os.umask(umask)
        save_checkpoint(folder, untrained_model(), tokenizer, {})
        os.umask(before)
        for path in (folder, *folder.rglob("*")):
            assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~umask, path
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert content(tmp_path / "one", 0o077) == content(tmp_path / "two", 0o002)


def test_a_failure_leaves_the_checkpoint_that_was_there(folder: Path, tmp_path: Path) -> None:
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(OSError, match="No such file"):
        save_checkpoint(folder, untrained_model(hidden_size=7), tmp_path / "missing", {})
    assert (folder / "model.safetensors").read_bytes() == before
    assert load_checkpoint(folder)


def tensors_with(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return damage


def config_with(**options: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = json.loads((folder / "config.json").read_text())
        content["model"] |= options
        (folder / "config.json").write_text(json.dumps(content))

    return damage


def file_of(name: str, content: bytes | Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_bytes(content(path.read_bytes()) if callable(content) else content)

    return damage


WEIGHT = "decoder.embedding.weight"
LIES: dict[str, tuple[Callable[[Path], None], str]] = {
    "another shape": (
        tensors_with(lambda t: t.update({WEIGHT: torch.zeros(11, 9)})),
        f"tensor {WEIGHT} is 11×9 F32, where config.json asks for 11×3 F32: a checkpoint of another architecture",
    ),
    "another type": (
        tensors_with(lambda t: t.update({WEIGHT: torch.zeros(11, 3, dtype=torch.float64)})),
        f"tensor {WEIGHT} is 11×3 F64",
    ),
    "a missing tensor": (tensors_with(lambda t: t.pop(WEIGHT)), f"tensor {WEIGHT} is none"),
    "a tensor too many": (
        tensors_with(lambda t: t.update({"extra": torch.zeros(1)})),
        "tensor extra is 1 F32, where config.json asks for none",
    ),
    "not a number": (tensors_with(lambda t: t[WEIGHT].fill_(torch.nan)), f"{WEIGHT} holds numbers that are not finite"),
    "another cell": (config_with(cell="lstm"), "a checkpoint of another architecture"),
    "a giant": (config_with(hidden_size=10**9), "a checkpoint of another architecture"),
    "a size beyond 64 bits": (config_with(hidden_size=2**63), "has not the tensors that config.json asks for"),
    "endless layers": (config_with(layers=10**12), "too few for the 1000000000000 layers"),
    "an unknown cell": (config_with(cell="gru2"), "cell must be one of gru, lstm, rnn"),
    "a negative size": (config_with(hidden_size=-1), "hidden_size must be at least 1"),
    "a size as text": (config_with(hidden_size="5"), "hidden_size: Input should be a valid integer"),
    "an unknown option": (config_with(heads=8), "options heads missing or unknown"),
    "a pickle": (file_of("model.safetensors", pickle.dumps({"a": 1})), "is a pickle, which can run any code: refused"),
    "a zipped pickle": (file_of("model.safetensors", b"PK\x03\x04" + bytes(100)), "is a pickle"),
    "a truncated file": (file_of("model.safetensors", lambda old: old[:-1]), "is damaged or no safetensors file"),
    "an empty file": (file_of("model.safetensors", b""), "is damaged or no safetensors file"),
    "a header too long": (file_of("model.safetensors", b"\xff" * 7 + b"\x7f" + b"{}"), "is damaged or no safetensors"),
    "another format": (file_of("config.json", b'{"format": 2}'), "is of format 2; this version of seqlab reads 1"),
    "no JSON": (file_of("config.json", b"{"), "is damaged or no description"),
    "deep JSON": (file_of("config.json", b"[" * 10**5), "is damaged or no description"),
    "a list": (file_of("config.json", b"[]"), "is damaged or no description"),
}


@pytest.mark.parametrize(("lie", "message"), LIES.values(), ids=LIES)
def test_lies(lie: Callable[[Path], None], message: str, folder: Path) -> None:
    lie(folder)
    with pytest.raises(SeqlabError) as refused:
        load_checkpoint(folder)
    assert message in str(refused.value)
    assert str(folder) in str(refused.value)


def test_a_header_whose_length_looks_like_a_pickle(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    # 1,152: one in 32 models has a length that begins with the byte 0x80, as a pickle does.
    path.write_bytes(b"\x80\x04".ljust(8, b"\0") + data[8:end].ljust(0x480) + data[end:])
    load_checkpoint(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_missing_files(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(SeqlabError, match=rf"no checkpoint in .*best: {name}: No such file"):
        load_checkpoint(folder)


def test_every_cut_of_the_file_is_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        with pytest.raises(SeqlabError):
            load_checkpoint(folder)


def test_load_tensors_keeps_the_models_memory() -> None:
    model, other = untrained_model(), untrained_model()
    pointers = [parameter.data_ptr() for parameter in model.parameters()]
    load_tensors(model, {name: tensor + 1 for name, tensor in model_tensors(other).items()})
    assert [parameter.data_ptr() for parameter in model.parameters()] == pointers
    assert torch.equal(model.decoder.embedding.weight, other.decoder.embedding.weight + 1)
    with pytest.raises(ValueError, match="another architecture"):
        load_tensors(model, model_tensors(untrained_model(hidden_size=6)))
