"""What training leaves below models/: the checkpoints for use, best and last, and the digests of all steps."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from seqlab.seq2seq.checkpoint import KEPT, write_checkpoint
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.training import digests
from seqlab.training.early_stopping import Best
from seqlab.training.events import CheckpointSaved


@dataclass(frozen=True)
class ModelOutputs:
    """Writes checkpoints below `folder`, each with the tokenizers beside it."""

    folder: Path
    config: ModelConfig
    tokenizer: Path

    def write(
        self, kind: Literal["best", "last"], tensors: Sequence[Mapping[str, Tensor]], of: Sequence[Best]
    ) -> CheckpointSaved:
        """Write the parameters of one epoch or several, best first, with their numbers, steps and validation scores."""
        metadata = _metadata(of[0])
        if len(of) > 1:
            metadata[KEPT] = [_metadata(each) for each in of]
        folder = self.folder / kind
        write_checkpoint(folder, self.config, tensors, self.tokenizer, metadata)
        return CheckpointSaved(kind, folder, of[0].epoch, of[0].step)

    def write_digests(self, of: digests.ParameterDigests) -> None:
        """Write the digests of the parameters after every step so far."""
        of.write(self.folder / digests.FILE)


def _metadata(of: Best) -> dict[str, Any]:
    scores = asdict(of.scores)
    # In curves.csv and training.json: with it, checkpoints of the same parameters would not be those of before.
    del scores["exact_match"]
    return {"epoch": of.epoch, "step": of.step, "valid": scores}
