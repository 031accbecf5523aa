"""Checkpoints of models that no training wrote."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqlab.seq2seq.checkpoint import model_tensors, write_checkpoint
from seqlab.seq2seq.model.seq2seq import Seq2Seq


def save_checkpoint(folder: Path, model: Seq2Seq, tokenizer: Path, metadata: Mapping[str, Any]) -> None:
    """Write the checkpoint of a model, as `write_checkpoint` does."""
    write_checkpoint(folder, model.config, [model_tensors(model)], tokenizer, metadata)
