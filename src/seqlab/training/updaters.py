"""Which class makes the optimizer steps: it follows from the engine, the shards and the processes, and nothing else."""

from seqlab.params.schema import TrainParams
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.training.ahead import AheadUpdater
from seqlab.training.processes.launch import Workers
from seqlab.training.processes.leading import LeadingUpdater
from seqlab.training.shards import ShardedUpdater
from seqlab.training.update import Updater


def make_updater(
    engine: Engine, model: Seq2Seq, params: TrainParams, seed: int, workers: Workers | None = None
) -> Updater:
    """The updater of an engine, of shards, or of several processes; see `Updater` for the other arguments."""
    if workers is not None:
        return LeadingUpdater(model, params, seed, engine, workers)
    if params.shards > 1:
        return ShardedUpdater(model, params, seed, engine)
    ahead = engine.gradients is not None
    return AheadUpdater(model, params, seed, engine) if ahead else Updater(model, params, seed, engine)
