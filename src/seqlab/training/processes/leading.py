"""Optimizer steps of several processes, as rank 0 makes them."""

from seqlab.params.schema import TrainParams
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch
from seqlab.training.processes import orders
from seqlab.training.processes.launch import Workers
from seqlab.training.shards import ShardedUpdater
from seqlab.training.update import StepResult


class LeadingUpdater(ShardedUpdater):
    """Tells the other processes each step, and makes it with them; see `ShardedUpdater`.

    The first step tells them parameters and optimizer, too, which by then are those of a saved state if there is one:
    the others know nothing of data, states and outputs.
    """

    def __init__(self, model: Seq2Seq, params: TrainParams, seed: int, engine: Engine, workers: Workers) -> None:
        super().__init__(model, params, seed, engine, workers.group)
        self._workers = workers
        self._begun = False

    def update(self, batch: Batch, *, step: int, learning_rate: float, place: str) -> StepResult:
        """As `Updater.update`.

        Raises:
            SeqlabError: another process has ended, too.
        """
        send = self._workers.group.send
        with self._workers.watched():
            if not self._begun:
                send(orders.beginning(self))
                self._begun = True
            send(orders.step(batch, step, learning_rate))
            return super().update(batch, step=step, learning_rate=learning_rate, place=place)
