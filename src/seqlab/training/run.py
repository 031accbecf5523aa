"""Stage train: encoded corpus in, checkpoints and learning curves out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from seqlab.core.atomic import remove_leftovers
from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from seqlab.seq2seq.checkpoint import load_tensors
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batches
from seqlab.text.encoded import open_split
from seqlab.text.tokenizer import load_tokenizers
from seqlab.training import digests
from seqlab.training.continuation import Continuation
from seqlab.training.events import Listener
from seqlab.training.history import FILES, History
from seqlab.training.interruption import Interrupted
from seqlab.training.origin import Start, load_start
from seqlab.training.outputs import ModelOutputs
from seqlab.training.processes.launch import launched
from seqlab.training.resume import resume_store
from seqlab.training.seeds import generator, stream_seed
from seqlab.training.segmentation import Segmentation
from seqlab.training.trainer import SAVE_SECONDS, Trainer
from seqlab.training.updaters import make_updater
from seqlab.training.validator import ValidationScores, Validator


def train(
    params: Params,
    *,
    tokenized: Path,
    models: Path,
    reports: Path,
    checkpoints: Path,
    fingerprint: str,
    continuation: Continuation,
    anew: Callable[[], bool] = lambda: False,
    check: Callable[[], None] = lambda: None,
    engine: Engine,
    validator: Validator,
    origin: Path | None = None,
    world_size: int = 1,
    listeners: Sequence[Listener] = (),
    stop: Callable[[], bool] = lambda: False,
    save_seconds: float = SAVE_SECONDS,
) -> None:
    """Train a model; write best, last and digests.safetensors below `models`, and the curves below `reports`.

    An interrupted training is resumed from its newest saved state, and ends in the same bytes as an uninterrupted one.

    Args:
        params: Of these, `seed`, `runtime.device`, `model` and `train` count.
        tokenized: Folder data/tokenized, of which `tokenizer` and `train` are read.
        models: Folder of the checkpoints and the digests.
        reports: Folder of curves.csv, steps.csv and training.json.
        checkpoints: Folder of the saved states of all trainings.
        fingerprint: Hash of all that the result depends on; a state saved under another is never used.
        continuation: Keeps the state after the last epoch, and may have that of a training of fewer epochs.
        anew: Asked at the start; True computes all epochs, whatever states are kept.
        check: Called once all is computed; where it raises, the state stays, so that the same training ends at once.
        engine: Computes the optimizer steps.
        validator: Scores the model after each epoch.
        origin: Checkpoint folder whose parameters training starts from; None: from random ones.
        world_size: Processes that compute the shards of each batch, at most `train.shards`; changes no result.
        listeners: Called with each event.
        stop: Asked after each step; True saves the state and ends training with `Interrupted`.
        save_seconds: Time between two saved states within an epoch; changes no result.

    Raises:
        Interrupted: `stop` said so.
        SeqlabError: the data is missing, damaged or empty, `origin` is missing, damaged or of another model, the
            numbers went wrong, memory ran out, a file cannot be written, or one of the processes ended.
    """
    config, batches = _open(params, tokenized)
    device = torch.device(params.runtime.device)
    model = Seq2Seq(config, generator(params.seed, "initialisation")).to(device)
    start = _start(origin, model, tokenized / "tokenizer") if origin else None
    for path in (models / "best", models / "last", models / digests.FILE, *(reports / name for name in FILES)):
        remove_leftovers(path)
    started_from = start.record(_scores(model, validator, stop)) if start else None
    forced = anew()
    earlier = None if forced else continuation.state(params.train.epochs)
    with resume_store(checkpoints, fingerprint) as store, launched(params, config, world_size) as workers:
        if forced and store is not None:
            store.forget()
        Trainer(
            make_updater(engine, model, params.train, params.seed, workers),
            params.train,
            batches,
            validator,
            ModelOutputs(models, config, tokenized / "tokenizer"),
            store=store,
            earlier=earlier,
            listeners=[History(reports, started_from), *listeners],
            stop=stop,
            save_seconds=save_seconds,
        ).run()
        check()
        if store is not None:
            if (ended := store.load()) is not None:
                continuation.keep(ended)
            store.clear()


def _start(origin: Path, model: Seq2Seq, tokenizer: Path) -> Start:
    """Put the parameters of a checkpoint into the model."""
    start = load_start(origin, model.config, tokenizer)
    load_tensors(model, start.tensors)
    return start


def _scores(model: Seq2Seq, validator: Validator, stop: Callable[[], bool]) -> ValidationScores:
    """What the model is worth before the first step; a resumed training finds the same again."""

    def safe_point() -> None:
        if stop():
            raise Interrupted(
                "training stopped before its first step; `dvc repro` starts it, or resumes it where it was"
            )

    return validator(model.eval(), safe_point)


def _open(params: Params, tokenized: Path) -> tuple[ModelConfig, Batches]:
    source, target = load_tokenizers(tokenized / "tokenizer")
    split = open_split(tokenized / "train")
    if len(split) == 0:
        raise SeqlabError(f"{tokenized / 'train'} holds no pair: there is nothing to train on")
    split.require_vocabularies(source.vocab_size, target.vocab_size)
    options = params.model.model_dump()
    config = ModelConfig(source_vocab_size=source.vocab_size, target_vocab_size=target.vocab_size, **options)
    dropout, seed = params.train.bpe_dropout, stream_seed(params.seed, "shuffling")
    in_epoch = Segmentation(split, (source, target), dropout, params.seed).epoch if dropout else None
    return config, Batches(split, params.train.batch_size, params.train.batch_by, seed, in_epoch)
