"""The files of the learning curves, byte for byte."""

from pathlib import Path

from seqlab.training.curves import EpochPoint, StepPoint
from seqlab.training.early_stopping import Best
from seqlab.training.events import EpochFinished, StepFinished, TrainingFinished, TrainingStarted
from seqlab.training.history import History
from seqlab.training.validator import ValidationScores

EPOCHS = [
    EpochPoint(1, 7, 2.5, 2.4, 3.00000049, 20.0855, 1e-7, 0.0, 0.002, 0.5, 1.25),
    EpochPoint(2, 14, 2.0, 1.9, 2.5, 12.182493960703473, 4.0, 100 / 3, 0.002, 0.25, 123456789.0),
]
STEPS = [StepPoint(5, 1, 2.75, 0.002, 1.5, 0.5), StepPoint(10, 2, 1 / 3, 0.002, 1.0, 0.25)]
FINISHED = TrainingFinished(
    best=Best(2, 14, ValidationScores(2.5, 12.182493960703473, 4.0, 100 / 3)),
    kept=(2,),
    epochs=2,
    steps=14,
    stopped_early=False,
    parameters=1234567890,
    clipped_steps=3,
    largest_gradient_norm=1.7320508,
    seconds=99.0,
)


def started(steps: list[StepPoint], epochs: list[EpochPoint]) -> TrainingStarted:
    return TrainingStarted(0, 1, 2, 7, 10, tuple(steps), tuple(epochs))


def finished(point: EpochPoint) -> EpochFinished:
    return EpochFinished(point, best=True, clipped_steps=3, train_seconds=1.5, valid_seconds=2.5, tokens_per_second=9.0)


def test_files(tmp_path: Path) -> None:
    history = History(tmp_path)
    for event in (started([], []), StepFinished(STEPS[0], 5.0), finished(EPOCHS[0])):
        history(event)
    assert (tmp_path / "steps.csv").read_bytes() == (
        b"step,epoch,loss,learning_rate,gradient_norm,teacher_forcing_ratio\n5,1,2.75,0.002,1.5,0.5\n"
    )
    for later in (StepFinished(STEPS[1], 5.0), finished(EPOCHS[1]), FINISHED):
        history(later)
    assert (tmp_path / "steps.csv").read_bytes().endswith(b"\n10,2,0.333333,0.002,1.0,0.25\n")
    assert (tmp_path / "curves.csv").read_bytes() == (
        b"epoch,step,train_loss,train_nll,valid_loss,valid_perplexity,valid_bleu,valid_exact_match,learning_rate,"
        b"teacher_forcing_ratio,gradient_norm\n"
        b"1,7,2.5,2.4,3.0,20.0855,1e-07,0.0,0.002,0.5,1.25\n"
        b"2,14,2.0,1.9,2.5,12.1825,4.0,33.3333,0.002,0.25,123457000.0\n"
    )
    assert (tmp_path / "training.json").read_text() == (
        '{\n  "best": {\n    "epoch": 2,\n    "step": 14,\n    "bleu": 4.0,\n    "exact_match": 33.3333,\n'
        '    "loss": 2.5,\n'
        '    "perplexity": 12.1825\n  },\n  "epochs": 2,\n  "steps": 14,\n  "stopped_early": false,\n'
        '  "parameters": 1234567890,\n  "clipped_steps": 3,\n  "largest_gradient_norm": 1.73205\n}\n'
    )


def test_a_resumed_training_writes_what_was_before(tmp_path: Path) -> None:
    history = History(tmp_path / "whole")
    for event in (started([], []), StepFinished(STEPS[0], 5.0), finished(EPOCHS[0]), StepFinished(STEPS[1], 5.0)):
        history(event)
    resumed = History(tmp_path / "resumed")
    resumed(started(STEPS, EPOCHS[:1]))
    for each in (history, resumed):
        each(finished(EPOCHS[1]))
    for name in ("curves.csv", "steps.csv"):
        assert (tmp_path / "resumed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
