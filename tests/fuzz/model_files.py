"""Samples of what the stages keep: tokenizers, the encoded corpus, checkpoints, states and journals."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import torch

from seqlab.core import parallel
from seqlab.core.parallel import Example
from seqlab.evaluation.translator import Translator
from seqlab.params.schema import TokenizerParams
from seqlab.seq2seq.checkpoint import model_tensors, write_checkpoint
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batches
from seqlab.text.encoded import open_split
from seqlab.text.tokenizer import load_tokenizers
from seqlab.tokenizing.build import build
from seqlab.tracking import foreign
from seqlab.tracking.journal.execution import read_execution
from seqlab.tracking.journal.ledger import Ledger
from seqlab.tracking.journal.record import recipe_params
from seqlab.tracking.journal.source import SOURCE, read_source, source_archive
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.assembly import assemble
from seqlab.training.curves import StepPoint
from seqlab.training.resume import ResumeStore, SavedState
from seqlab.training.state import TrainingState
from tests.fuzz.loader import Loader
from tests.fuzz.mutations import bytes_mutated, json_lines_mutated, json_mutated, safetensors_mutated, zip_mutated
from tests.fuzz.text_files import PAIRS, ROOT
from tests.seq2seq.model.tiny import untrained_model
from tests.tracking.entries import DIGEST, ENDED, RECIPE, STARTED

Kind = Literal["word", "bpe", "unigram", "char"]
SEARCH = {"beam_size": 2, "length_penalty": 1.0, "max_length": 5, "batch_size": 4}


def model_loaders() -> dict[str, Callable[[], Loader]]:
    """By name."""
    tokenizers = {f"tokenizer, {kind}": lambda kind=kind: _tokenizer(kind) for kind in get_args(Kind)}
    return {
        **tokenizers,
        "data/tokenized": _encoded,
        "checkpoint": _checkpoint,
        "training state": _state,
        "journal": _journal,
        "source.zip": _source,
        "ledger.json": lambda: _artifact("ledger.json", _ledger(), _read_ledger),
        "recipe.json": lambda: _artifact("recipe.json", json.dumps(RECIPE).encode(), _recipe),
        "translations.jsonl": lambda: _artifact("translations.jsonl", _translations(), foreign.translations),
        "tag seqlab.files": lambda: _artifact("tag", json.dumps({"reports/a": DIGEST[:12]}).encode(), _files_tag),
    }


def _artifact(name: str, content: bytes, load: Callable[[bytes], object]) -> Loader:
    mutation = json_lines_mutated if name.endswith(".jsonl") else json_mutated
    return Loader({name: content}, {name: mutation}, lambda root: load(foreign.limited_bytes(root / name)))


def _ledger() -> bytes:
    numerics = '{"system": "Linux"}'
    entry: dict[str, object] = {"id": "20260101T000000000000-0123abcd", "stage": "train", "numerics_class": numerics}
    entry |= {"started": 1.0, "seconds": 2.0, "commit": "0" * 40, "outputs": ENDED["outputs"]}
    return json.dumps({"executions": [entry, entry]}).encode()


def _read_ledger(content: bytes) -> None:
    Ledger.from_json(content.decode("utf-8", "replace")).differences()


def _recipe(content: bytes) -> None:
    assert recipe_params(foreign.recipe(content))


def _translations() -> bytes:
    lines = [{"source": one, "references": [other], "translation": other, "bleu": 5.0} for one, other in PAIRS]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _files_tag(content: bytes) -> None:
    found = foreign.files(content.decode("utf-8", "replace"))
    assert all(path.startswith("reports/") and ".." not in path and len(name) == 12 for path, name in found.items())


@cache
def _tokenized(kind: Kind) -> dict[str, bytes]:
    """The files of data/tokenized."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for split in parallel.SPLITS:
            parallel.write(folder / f"raw/{split}.jsonl", (Example(one, (other,)) for one, other in PAIRS))
        params = TokenizerParams(
            kind=kind,
            vocab_size=50,
            vocabulary="separate",
            max_source_length=40,
            max_target_length=40,
            take_from="none",
        )
        build(params, folder / "raw", folder / "tokenized", folder / "statistics.json")
        return _content(folder / "tokenized")


def _content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _tokenizer(kind: Kind) -> Loader:
    files = {
        path.removeprefix("tokenizer/"): content
        for path, content in _tokenized(kind).items()
        if path.startswith("tokenizer/")
    }
    mutations = dict.fromkeys(("source.model", "target.model"), bytes_mutated) | {"config.json": json_mutated}

    def load(root: Path) -> None:
        for tokenizer in load_tokenizers(root):
            ids = tokenizer.encode(["a little cat", "\0 x \u202e"])
            tokenizer.pieces(ids[0])
            tokenizer.decode(ids)

    return Loader(files, mutations, load, _fit_tokenizer)


def _fit_tokenizer(root: Path) -> None:
    """Make config.json name the models that are there."""
    try:
        config = json.loads((root / "config.json").read_bytes())
        for side in ("source", "target"):
            config[side]["sha256"] = hashlib.sha256((root / f"{side}.model").read_bytes()).hexdigest()
        (root / "config.json").write_text(json.dumps(config), "utf-8")
    except (ValueError, KeyError, TypeError):
        return


def _source() -> Loader:
    files = {name: (ROOT / name).read_bytes() for name in ("dvc.yaml", "params.yaml", "versions.toml")}
    files["pipeline/train.py"] = (ROOT / "pipeline/train.py").read_bytes()
    with tempfile.TemporaryDirectory() as name:
        _write(Path(name), files)
        archive = source_archive(Path(name))
    return Loader(
        {SOURCE: archive}, {SOURCE: zip_mutated(bytes_mutated)}, lambda root: read_source((root / SOURCE).read_bytes())
    )


def _encoded() -> Loader:
    prefix = "train/"
    files = {
        path.removeprefix(prefix): content for path, content in _tokenized("word").items() if path.startswith(prefix)
    }

    def load(root: Path) -> None:
        split = open_split(root)
        split.require_vocabularies(50, 50)
        for _ in Batches(split, batch_size=5, batch_by="sentences", seed=1).epoch(1):
            pass

    return Loader(files, dict.fromkeys(files, bytes_mutated), load)


def _model(tokenizer: Path) -> Seq2Seq:
    source, target = load_tokenizers(tokenizer)
    sizes = {"source_vocab_size": source.vocab_size, "target_vocab_size": target.vocab_size}
    return untrained_model(attention="dot", **sizes)


def _checkpoint() -> Loader:
    with tempfile.TemporaryDirectory() as name:
        _write(Path(name, "made"), _tokenizer("word").files)
        model = _model(Path(name, "made"))
        kept = {"epoch": 1, "kept": [{"epoch": 1}, {"epoch": 2}]}
        write_checkpoint(Path(name, "best"), model.config, [model_tensors(model)] * 2, Path(name, "made"), kept)
        files = _content(Path(name, "best"))

    def load(root: Path) -> None:
        Translator.load(root, parameters="ensemble").translate(["a little cat", "\0"], **SEARCH)  # type: ignore[arg-type]

    mutations = {
        "model.safetensors": safetensors_mutated,
        "model-2.safetensors": safetensors_mutated,
        "config.json": json_mutated,
    }
    return Loader(files, mutations, load)


def _write(folder: Path, files: object) -> None:
    assert isinstance(files, dict)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _state() -> Loader:
    record = TrainingState(step=3, step_points=[StepPoint(3, 1, 2.5, 0.1, 1.0, 0.5)]).to_json()
    tensors = {"model/weight": torch.ones(3, 4), "optimizer/weight/step": torch.tensor(3.0)}
    with tempfile.TemporaryDirectory() as name:
        ResumeStore(Path(name), "f1").save(SavedState(record, tensors))
        files = _content(Path(name))

    def load(root: Path) -> None:
        saved = ResumeStore(root, "f1").load()
        if saved is not None:
            with suppress(ValueError):  # documented: the training says what to do
                TrainingState.from_json(saved.record)

    state = "state-00000001"
    mutations = {
        f"{state}/state.json": json_mutated,
        f"{state}/tensors.safetensors": safetensors_mutated,
        f"{state}/sha256": bytes_mutated,
    }
    return Loader(files, mutations, load, lambda root: _fit_state(root / state))


def _fit_state(folder: Path) -> None:
    names = ("fingerprint", "state.json", "tensors.safetensors")
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "sha256").write_text("".join(lines), "utf-8")


def _journal() -> Loader:
    epoch = {"point": {"epoch": 1, "step": 4, "valid_bleu": 3.5}, "train_seconds": 1.0, "valid_seconds": 1.0}
    entries = [
        {"event": "started", "time": 1.5, **STARTED},
        {"event": "numerics", "time": 1.6, "numerics": {"system": "Linux"}},
        {"event": "EpochFinished", "time": 2.5, **epoch, "tokens_per_second": 5.0},
        {"event": "finished", "time": 3.5, **ENDED},
    ]
    content = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)

    def load(root: Path) -> None:
        execution = read_execution(root / "20260101T000000000000-0123abcd.jsonl")
        if execution is not None:
            execution.is_alive()
            ledger = Ledger.of([execution])
            assert Ledger.from_json(ledger.to_json()).executions == ledger.executions
            for record in assemble([execution], Objects(root / "objects")):
                assert all((record.name, record.params, record.digest, record.registered_model))
                assert all(not path.startswith(("/", "..")) for path in (*record.files, *execution.outputs))

    name = "20260101T000000000000-0123abcd.jsonl"
    return Loader({name: content}, {name: json_lines_mutated}, load)
