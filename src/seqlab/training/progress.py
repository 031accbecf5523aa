"""A listener that shows a progress bar: loss, target tokens per second, time left."""

import sys
from typing import NoReturn, Self, TextIO

from tqdm import tqdm

from seqlab.training.events import BatchFinished, EpochFinished, Event, TrainingStarted
from seqlab.training.pace import Pace

# Seconds between two lines where the output is no terminal and each refresh is a line of its own.
LOG_SECONDS = 10.0


class Progress:
    """One bar for the whole training, and a line for each finished epoch; a context manager, which ends the bar."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr
        self._bar: tqdm[NoReturn] | None = None
        self._epochs = 0
        self._pace = Pace()

    def __call__(self, event: Event) -> None:
        """Take in an event of the training loop."""
        match event:
            case TrainingStarted():
                self._start(event)
            case BatchFinished():
                self._advance(event)
            case EpochFinished():
                self._epoch(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _start(self, event: TrainingStarted) -> None:
        self._epochs = event.epochs
        self._bar = tqdm(
            total=event.epochs * event.steps_per_epoch,
            initial=event.step,
            desc=self._description(event.epoch),
            unit="step",
            file=self._file,
            mininterval=0.1 if self._file.isatty() else LOG_SECONDS,
            dynamic_ncols=True,
        )
        if event.continued:
            self._bar.write(
                f"going on from epoch {event.epoch - 1}, where a training of fewer epochs ended; "
                "`dvc repro --force` computes them all",
                file=self._file,
            )

    def _advance(self, event: BatchFinished) -> None:
        if self._bar is None:
            return
        self._pace.add(event.tokens, event.seconds)
        self._bar.set_description_str(self._description(event.epoch), refresh=False)
        self._bar.set_postfix_str(
            f"loss {event.loss:.3f}, {self._pace.tokens_per_second:,.0f} target tokens/s", refresh=False
        )
        self._bar.update()

    def _epoch(self, event: EpochFinished) -> None:
        if self._bar is None:
            return
        point = event.point
        line = (
            f"epoch {point.epoch}: training loss {point.train_loss:.3f}; validation loss {point.valid_loss:.3f}, "
            f"perplexity {point.valid_perplexity:.2f}, BLEU {point.valid_bleu:.2f}, "
            f"exact match {point.valid_exact_match:.2f} %{' (best)' if event.best else ''}"
        )
        self._bar.write(line, file=self._file)

    def _description(self, epoch: int) -> str:
        # One that was refused at its end, and is taken up, has no epoch left.
        return f"epoch {min(epoch, self._epochs)}/{self._epochs}"
