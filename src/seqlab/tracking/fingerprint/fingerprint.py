"""Fingerprints: a run is identified by its recipe, all of which is known before training starts.

The train fingerprint covers all that the model is made from: the parameters of the train stage, the data that it reads
(which stand for the corpus and the tokenizer), its code and its pinned versions. The run fingerprint adds all that the
scores are made from. Report parameters and report code are in neither, nor is the numerics class: it tells which
machines may be held to the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.params.params import Params
from seqlab.params.schema import NONE, ORIGINS
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.fingerprint.code import code_digest
from seqlab.tracking.fingerprint.content import dvc_digest
from seqlab.tracking.fingerprint.pipeline import StageDefinition, load_stage, locked_digests
from seqlab.tracking.fingerprint.versions import load_versions

# What a stage reads that starts from nothing: nothing.
NO_ORIGIN = (ORIGINS / NONE).as_posix()


@dataclass(frozen=True)
class Recipe:
    """What a run is made from: one JSON-like mapping for the model, one for the scores."""

    train: dict[str, Any]
    evaluate: dict[str, Any]

    @property
    def train_fingerprint(self) -> str:
        """SHA-256 of the model's recipe."""
        return digest(self.train)

    @property
    def run_fingerprint(self) -> str:
        """SHA-256 of the model's fingerprint and the scores' recipe."""
        return digest({"train": self.train_fingerprint, **self.evaluate})


def train_fingerprint(params: Params, root: Path) -> str:
    """Fingerprint of the model that the train stage makes in working copy `root`.

    Raises:
        SeqlabError: the data, the code, dvc.yaml or versions.toml is missing or damaged.
    """
    return digest(_train_recipe(params, root))


def continuation_fingerprint(params: Params, root: Path) -> str:
    """Fingerprint of what trainings have in common that differ in their number of epochs alone.

    Raises:
        SeqlabError: as `train_fingerprint`.
    """
    recipe = _train_recipe(params, root)
    return digest({**recipe, "train": {name: value for name, value in recipe["train"].items() if name != "epochs"}})


def load_recipe(params: Params, root: Path) -> Recipe:
    """The recipe of the run that working copy `root` makes.

    Raises:
        SeqlabError: as `train_fingerprint`.
    """
    evaluate = {
        "corpus": params.corpus.active(),
        "tokenizer": params.tokenizer.model_dump(),
        "evaluate": params.evaluate.model_dump() | {"tokenize": _tokenize(params)},
        **_made_from(load_stage(root, "evaluate"), root, implied=load_stage(root, "train").outs),
    }
    return Recipe(_train_recipe(params, root), evaluate)


def _train_recipe(params: Params, root: Path) -> dict[str, Any]:
    return {
        "seed": params.seed,
        "runtime": params.runtime.model_dump(),
        "model": params.model.model_dump(),
        "train": params.train.model_dump(),
        # Validation's BLEU chooses the best epoch.
        "tokenize": _tokenize(params),
        **_made_from(load_stage(root, "train"), root),
    }


def _tokenize(params: Params) -> str:
    from seqlab.scoring.tokenization import resolve

    return resolve(params.evaluate.tokenize, params.corpus.target)


def _made_from(stage: StageDefinition, root: Path, implied: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "data": {path: _data_digest(path, root) for path in stage.data if path not in (*implied, NO_ORIGIN)},
        "code": code_digest(root, stage.code),
        "versions": load_versions(root, stage.name),
    }


def _data_digest(path: str, root: Path) -> str:
    """DVC's digest; from dvc.lock where the data are not here, as under `dvc repro --allow-missing`."""
    if not (root / path).exists():
        locked = locked_digests(root)
        if path in locked:
            return locked[path]
    return dvc_digest(root / path)
