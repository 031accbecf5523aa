"""One training in this process: what the stage train does, without a stage."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.params.params import Params

if TYPE_CHECKING:
    from seqlab.training.events import Listener


def train_here(
    params: Params,
    data: Path,
    work: Path,
    *,
    fingerprint: str,
    continuation: str,
    listeners: Sequence["Listener"] = (),
) -> None:
    """Train on the text and tokens in `data`; write models/, curves/ and the states of trainings below `work`.

    Args:
        params: All parameters.
        data: Folder with raw/ and tokenized/.
        work: Folder to write to.
        fingerprint: Tells the state of an interrupted training from those of others.
        continuation: Likewise, of those that a longer training may go on from.
        listeners: Called with each event.

    Raises:
        SeqlabError: as `seqlab.training.run.train`.
    """
    from seqlab.scoring.tokenization import resolve
    from seqlab.seq2seq.engines.choice import choose
    from seqlab.training.continuation import Continuation
    from seqlab.training.run import train
    from seqlab.training.validation import Validation

    engine = choose(params.runtime.device, params.runtime.engine)
    raw, tokenized = data / "raw", data / "tokenized"
    tokenize = resolve(params.evaluate.tokenize, params.corpus.target)
    train(
        params,
        tokenized=tokenized,
        models=work / "models",
        reports=work / "curves",
        checkpoints=work / "states",
        fingerprint=fingerprint,
        continuation=Continuation(work / "ended", continuation),
        engine=engine,
        validator=Validation.open(tokenized, raw, params.train.validation_max_length, tokenize, engine),
        listeners=listeners,
    )
