"""What is timed: optimizer steps of ours, of ours as the whole Trainer, and of the references, on the same batches."""

import io
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.case import Case
from benchmarks.corpora import Corpus
from benchmarks.measure import Measured
from benchmarks.reference.updater import ReferenceUpdater
from seqlab.params.params import Params
from seqlab.params.schema import TrainParams
from seqlab.seq2seq.engines.choice import choose
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.text.batches import Batch, Batches
from seqlab.tracking.journal.journal import Journal
from seqlab.tracking.journal.recorder import UNHURRIED, UNRECORDED
from seqlab.training.events import BatchFinished, Event, Listener, StepFinished, TrainingStarted
from seqlab.training.history import History
from seqlab.training.interruption import Interrupted
from seqlab.training.outputs import ModelOutputs
from seqlab.training.progress import Progress
from seqlab.training.seeds import generator, stream_seed
from seqlab.training.trainer import Trainer
from seqlab.training.update import Updater
from seqlab.training.updaters import make_updater
from seqlab.training.validator import ValidationScores


@dataclass(frozen=True)
class Workshop:
    """What all cases share: the recipe, the data, how many batches a repetition takes, and room on disk."""

    params: Params
    corpus: Corpus
    steps: int
    sentences: int
    folder: Path

    def batches(self, case: Case) -> list[Batch]:
        """The batches of a repetition; of `literal`, so slow, a few sentences of the first."""
        epoch = self._epochs().epoch(1)
        if case.engine == "literal":
            return [first_rows(epoch[0], self.sentences)]
        return [epoch[number] for number in range(min(self.steps, len(epoch)))]

    def make(self, case: Case) -> Callable[[], object]:
        """A callable that makes the case's optimizer steps."""
        if case.engine == "trainer":
            updater = self.updater(case)
            return lambda: Measured(self.run_trainer(updater, case, []))
        return self._ours(case) if case.engine == "ours" else self._reference(case)

    def updater(self, case: Case) -> Updater:
        """Ours, with a new model."""
        engine = choose(self.params.runtime.device, self.params.runtime.engine)
        return make_updater(engine, self._model(case), self._train_params(case), self.params.seed)

    def config(self, case: Case) -> ModelConfig:
        """The shape of the case's model."""
        options = self.params.model.model_dump() | {"attention": case.attention, "input_feeding": case.input_feeding}
        size = self.corpus.vocabulary
        return ModelConfig(source_vocab_size=size, target_vocab_size=size, **options)

    def _ours(self, case: Case) -> Callable[[], None]:
        updater, batches = self.updater(case), self.batches(case)

        def run() -> None:
            for step, batch in enumerate(batches, 1):
                updater.update(batch, step=step, learning_rate=1e-3, place="in a benchmark")

        return run

    def _reference(self, case: Case) -> Callable[[], None]:
        updater = ReferenceUpdater(
            case.engine,
            self._model(case),
            ratio=case.ratio,
            granularity=self.params.train.teacher_forcing_granularity,
            precision=case.precision,
            seed=self.params.seed,
        )
        batches = self.batches(case)

        def run() -> None:
            for step, batch in enumerate(batches, 1):
                updater.update(batch, step)

        return run

    def run_trainer(self, updater: Updater, case: Case, watched: list["Watched"]) -> float:
        """Train `steps` steps as the stage does, all listeners listening; seconds from the start to the last's end."""
        clock, steps = Clock(), iter(range(1, self.steps))
        with Progress(Terminal()) as progress:
            listeners: list[Listener] = [History(self.folder / "reports"), progress, journal(self.folder / "journal")]
            watched += [Watched(listener) for listener in listeners]
            trainer = Trainer(
                updater,
                self._train_params(case),
                self._epochs(),
                lambda _model, _safe_point: ValidationScores(1.0, 1.0, 1.0, 1.0),
                ModelOutputs(self.folder / "models", self.config(case), self.folder),
                store=None,
                listeners=[*watched, clock],
                stop=lambda: next(steps, None) is None,
            )
            try:
                trainer.run()
            except Interrupted:
                return clock.seconds
        raise ValueError(f"an epoch has fewer than {self.steps} batches")

    def _epochs(self) -> Batches:
        return Batches(self.corpus.split, self.params.train.batch_size, "sentences", stream_seed(1, "shuffling"))

    def _model(self, case: Case) -> Seq2Seq:
        return Seq2Seq(self.config(case), generator(1, "initialisation")).to(self.params.runtime.device)

    def _train_params(self, case: Case) -> TrainParams:
        return self.params.train.model_copy(update={"teacher_forcing_ratio": case.ratio, "precision": case.precision})


class Terminal(io.StringIO):
    """Takes what is shown, as often as a terminal would be shown it."""

    def isatty(self) -> bool:
        """It claims to be one."""
        return True


class Clock:
    """A listener that notes the time from the start of training to the end of the last step."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def __call__(self, event: Event) -> None:
        """Take in an event of the training loop; the last listener, it counts the others in."""
        match event:
            case TrainingStarted():
                self._began = time.perf_counter()
            case BatchFinished() | StepFinished():
                self.seconds = time.perf_counter() - self._began


class Watched:
    """A listener, and the seconds that it took."""

    def __init__(self, listener: Listener) -> None:
        self.seconds = 0.0
        self._listener = listener

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        began = time.perf_counter()
        self._listener(event)
        self.seconds += time.perf_counter() - began


def journal(path: Path) -> Listener:
    """A listener that writes a journal as StageRecorder does; without DVC, publisher and provenance."""
    opened = Journal(path)

    def record(event: Any) -> None:
        name = type(event).__name__
        if name not in UNRECORDED:
            fields = {key: value for key, value in asdict(event).items() if not isinstance(value, tuple)}
            opened.append(name, durable=name not in UNHURRIED, **fields)

    return record


def first_rows(batch: Batch, rows: int) -> Batch:
    """The first sentences of a batch."""
    return Batch(*(getattr(batch, field.name)[:rows] for field in fields(batch)))
