"""Stage train, whoever runs it: parameters and folders in, a trained model out. Call `numerics.configure` before."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from seqlab.numerics import class_digest, torch_setup
from seqlab.params.params import Params
from seqlab.params.schema import origin_folder
from seqlab.scoring.tokenization import resolve
from seqlab.seq2seq.engines.choice import choose
from seqlab.training.continuation import Continuation
from seqlab.training.events import Listener
from seqlab.training.processes.setting import world_size
from seqlab.training.progress import Progress
from seqlab.training.run import train
from seqlab.training.validation import Validation


def train_stage(
    params: Params,
    *,
    data: Path,
    models: Path,
    reports: Path,
    checkpoints: Path,
    fingerprint: str,
    continuation: str,
    anew: Callable[[], bool] = lambda: False,
    check: Callable[[], None] = lambda: None,
    progress: bool = False,
    listeners: Sequence[Listener] = (),
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Train on the text and tokens below `data`, from the checkpoint that `train.start_from` names, if any.

    Args:
        params: All parameters.
        data: Folder with raw/ and tokenized/.
        models: Folder of the checkpoints and the digests.
        reports: Folder of curves.csv, steps.csv and training.json.
        checkpoints: Folder of the states of interrupted trainings and, below ended/, of finished ones.
        fingerprint: With the numerics class, tells the state of an interrupted training from those of others.
        continuation: Likewise, of those that a longer training may go on from.
        anew: As `seqlab.training.run.train`.
        check: As `seqlab.training.run.train`.
        progress: Whether to show a progress bar.
        listeners: Called with each event.
        stop: As `seqlab.training.run.train`.

    Raises:
        Interrupted: `stop` said so.
        SeqlabError: as `seqlab.training.run.train`; there is no such device, or no such number of processes.
    """
    torch_setup(params.runtime)
    engine = choose(params.runtime.device, params.runtime.engine)
    raw, tokenized = data / "raw", data / "tokenized"
    tokenize = resolve(params.evaluate.tokenize, params.corpus.target)
    validator = Validation.open(tokenized, raw, params.train.validation_max_length, tokenize, engine)
    # Begun on another kind of machine and ended here, a training would have the bytes of neither.
    numerics = class_digest(params.runtime)
    with ExitStack() as stack:
        shown = [stack.enter_context(Progress())] if progress else []
        train(
            params,
            tokenized=tokenized,
            models=models,
            reports=reports,
            checkpoints=checkpoints,
            fingerprint=f"{fingerprint}-{numerics}",
            continuation=Continuation(checkpoints / "ended", f"{continuation}-{numerics}"),
            anew=anew,
            check=check,
            engine=engine,
            validator=validator,
            origin=origin_folder(params.train.start_from),
            world_size=world_size(params.train.shards, params.runtime),
            listeners=[*shown, *listeners],
            stop=stop,
        )
