"""Which class makes the optimizer steps: it follows from the engine, and from nothing else."""

from seqlab.params.train import TrainParams
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.training.ahead import AheadUpdater
from seqlab.training.update import Updater

UPDATERS: dict[str, type[Updater]] = {"plain": Updater, "cpu": Updater, "cuda": AheadUpdater}


def make_updater(engine: Engine, model: Seq2Seq, params: TrainParams, seed: int) -> Updater:
    """The updater of an engine; see `Updater` for the arguments."""
    return UPDATERS[engine.name](model, params, seed, engine)
