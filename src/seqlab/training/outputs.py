"""What training leaves below models/: the checkpoints for use, best and last, and the digests of all steps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from seqlab.checkpoint import write_checkpoint
from seqlab.model.config import ModelConfig
from seqlab.training import digests
from seqlab.training.early_stopping import Best
from seqlab.training.events import CheckpointSaved


@dataclass(frozen=True)
class ModelOutputs:
    """Writes checkpoints below `folder`, each with the tokenizers beside it."""

    folder: Path
    config: ModelConfig
    tokenizer: Path

    def write(self, kind: Literal["best", "last"], tensors: Mapping[str, Tensor], of: Best) -> CheckpointSaved:
        """Write the parameters of an epoch, with its number, step and validation scores."""
        metadata = {"epoch": of.epoch, "step": of.step, "valid": asdict(of.scores)}
        folder = self.folder / kind
        write_checkpoint(folder, self.config, tensors, self.tokenizer, metadata)
        return CheckpointSaved(kind, folder, of.epoch, of.step)

    def write_digests(self, of: digests.ParameterDigests) -> None:
        """Write the digests of the parameters after every step so far."""
        of.write(self.folder / digests.FILE)
