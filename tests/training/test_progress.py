"""The text of the progress bar."""

import io
import re

from seqlab.training.curves import EpochPoint
from seqlab.training.events import BatchFinished, EpochFinished, TrainingStarted
from seqlab.training.progress import Progress


class Terminal(io.StringIO):
    """A terminal, as far as a progress bar asks."""

    def isatty(self) -> bool:
        return True


def show(file: io.StringIO, done: int = 0) -> str:
    with Progress(file) as progress:
        progress(TrainingStarted(done, 1, 2, 3, 10, (), ()))
        for step in range(done + 1, 4):
            progress(BatchFinished(step, 1, 2.34567, 500, 0.25))
        point = EpochPoint(1, 3, 2.5, 2.4, 3.0, 20.0855, 12.345, 6.789, 0.002, 0.5, 1.25)
        progress(EpochFinished(point, True, 0, 1.0, 1.0, 1.0))
    return file.getvalue()


def test_shows_loss_throughput_and_time_left() -> None:
    text = show(Terminal())
    last = text.split("\r")[-1]
    assert last.startswith("epoch 1/2:  50%|")
    assert re.search(r"3/6 \[\d\d:\d\d<\d\d:\d\d, .*loss 2\.346, 2,000 target tokens/s\]", last)
    assert last.endswith("\n")
    assert (
        "epoch 1: training loss 2.500; validation loss 3.000, perplexity 20.09, BLEU 12.35, exact match 6.79 % (best)\n"
        in text
    )


def test_a_resumed_training_begins_where_it_was() -> None:
    assert "33%" in show(Terminal(), done=2).split("\r")[1]


def test_without_a_terminal_the_bar_is_not_drawn_at_each_step() -> None:
    assert show(io.StringIO()).count("epoch 1/2") < 4


def test_one_that_is_taken_up_at_its_end_is_in_its_last_epoch() -> None:
    file = Terminal()
    with Progress(file) as progress:
        progress(TrainingStarted(6, 3, 2, 3, 10, (), ()))
    assert "epoch 2/2: 100%" in file.getvalue()
