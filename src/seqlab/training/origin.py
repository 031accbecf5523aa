"""The checkpoint that a training starts from (fine-tuning): its parameters, if they are of the very same model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from seqlab.core.errors import SeqlabError
from seqlab.seq2seq.checkpoint import CONFIG, MODEL, TOKENIZER, load_checkpoint, model_tensors
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.origin_note import Origin
from seqlab.text.same_tokens import differing_tokens
from seqlab.training.validator import ValidationScores

# It changes no tensor, and what was learnt under one may go on under another.
FREE = ("dropout",)
# They follow from the tokenizers, which are compared themselves.
SIZES = ("source_vocab_size", "target_vocab_size")


@dataclass(frozen=True)
class Start:
    """Parameters to start from by name, and the checkpoint that they come from."""

    origin: Origin
    tensors: Mapping[str, Tensor]

    def record(self, scores: ValidationScores) -> dict[str, Any]:
        """What training.json says of it; `scores` are those before the first optimizer step."""
        return {**self.origin.record(), "valid": asdict(scores)}


def load_start(folder: Path, config: ModelConfig, tokenizer: Path) -> Start:
    """Read the best parameters of checkpoint `folder`, for a model of `config` with the tokenizers in `tokenizer`.

    Raises:
        SeqlabError: there is no checkpoint, or it is damaged; its model is of another shape, or its tokenizers are
            others, so that its parameters would mean something else.
    """
    if not (folder / CONFIG).is_file():
        raise SeqlabError(
            f"train.start_from: {folder} holds no checkpoint ({CONFIG} is missing); `seqlab take {folder.name}` puts "
            "the model of a run there"
        )
    try:
        model = load_checkpoint(folder)
        _require_same_tokenizers(folder, tokenizer)
    except SeqlabError as error:
        raise SeqlabError(f"train.start_from: {error}") from None
    _require_same_model(folder, model.config, config)
    return Start(Origin.of(folder / MODEL, folder.name), model_tensors(model))


def _require_same_tokenizers(folder: Path, tokenizer: Path) -> None:
    if differing := differing_tokens(folder / TOKENIZER, tokenizer):
        raise SeqlabError(
            f"the {differing} tokens of {folder} are not those of this corpus, so its "
            f"parameters would mean something else: set tokenizer.take_from to {folder.name} too"
        )


def _require_same_model(folder: Path, found: ModelConfig, wanted: ModelConfig) -> None:
    theirs, ours = asdict(found), asdict(wanted)
    differing = [name for name in ours if name not in (*FREE, *SIZES) and theirs[name] != ours[name]]
    if differing:
        settings = " and ".join(f"model.{name} to {_as_yaml(theirs[name])}" for name in differing)
        values = ", ".join(_as_yaml(ours[name]) for name in differing)
        raise SeqlabError(f"train.start_from: the model of {folder} is another: set {settings} (not {values})")


def _as_yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
