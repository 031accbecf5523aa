import json
import math
import re

import pytest

from seqlab.tracking.journal.execution import Execution
from seqlab.tracking.journal.points import Clock, Point, curve_points, score_points, training_points
from seqlab.tracking.publishing.tags import counter_tags

STEPS = (
    "step,epoch,loss,learning_rate,gradient_norm,teacher_forcing_ratio\n2,1,1.5,0.002,0.7,0.5\n4,1,1.25,0.002,0.6,0.5\n"
)
CURVES = (
    "epoch,step,train_loss,train_nll,valid_loss,valid_perplexity,valid_bleu,learning_rate,teacher_forcing_ratio,"
    "gradient_norm\n1,4,1.4,1.3,1.2,3.3,20.5,0.002,0.5,0.65\n"
)


def execution(events: list[dict[str, object]], name: str = "a") -> Execution:
    return Execution(name, "train", {}, 1000.0, 2000.0, "died", events=events)


def step_event(step: int, loss: float, time: float) -> dict[str, object]:
    point = {"step": step, "epoch": 1, "loss": loss, "learning_rate": 0.002, "gradient_norm": 0.7}
    return {"event": "StepFinished", "time": time, "tokens_per_second": 100.0, "point": point}


def values(points: list[Point], key: str) -> list[tuple[int, float, float]]:
    return [(point.step, point.value, point.time) for point in points if point.key == key]


def test_curves_of_the_files_at_the_times_of_the_journal() -> None:
    executions = [execution([step_event(2, 1.5, 1010.0)])]
    points = curve_points(STEPS, CURVES, executions, Clock(executions, 1000.0))
    # step 4 is not in the journal: its time is its number in milliseconds after the start
    assert values(points, "train/loss") == [(2, 1.5, 1010.0), (4, 1.25, 1000.004)]
    assert values(points, "valid/bleu") == [(4, 20.5, 1000.004)]
    assert values(points, "epoch/train_loss") == [(1, 1.4, 1000.004)]
    assert values(points, "time/tokens_per_second") == [(2, 100.0, 1010.0)]


def test_curves_of_an_interrupted_training_and_its_resumption() -> None:
    executions = [
        execution([step_event(2, 1.23456789, 1010.0), step_event(4, 1.0, 1020.0)]),
        execution([step_event(4, 1.0, 1090.0), step_event(6, 0.5, 1100.0)], "b"),
    ]
    points = curve_points(None, None, executions, Clock(executions, 1000.0))
    assert values(points, "train/loss") == [(2, 1.23457, 1010.0), (4, 1.0, 1020.0), (6, 0.5, 1100.0)]
    assert values(points, "time/tokens_per_second") == [(2, 100.0, 1010.0), (4, 100.0, 1020.0), (6, 100.0, 1100.0)]


def test_the_journal_gives_the_points_that_the_files_give() -> None:
    point = {"step": 4, "epoch": 1, "loss": 1.2500001, "learning_rate": 0.002, "gradient_norm": 0.6}
    live = [execution([{"event": "StepFinished", "time": 1.0, "tokens_per_second": 1.0, "point": point}])]
    clock = Clock(live, 0.0)
    from_journal = values(curve_points(None, None, live, clock), "train/loss")
    from_files = values(curve_points(STEPS, None, live, clock), "train/loss")
    assert from_journal == from_files[1:]


@pytest.mark.parametrize(("name", "step"), [("steps", 10**12 + 1), ("steps", -1), ("curves", 10**30)])
def test_a_step_of_a_file_is_one_that_a_training_reaches(name: str, step: int) -> None:
    files = {"steps": STEPS, "curves": CURVES}
    files[name] = re.sub(r"(?m)^4,|(?<=^1,)4,", f"{step},", files[name])
    with pytest.raises(ValueError, match=f"step {step} is none that a training reaches"):
        curve_points(files["steps"], files["curves"], [], Clock([], 0.0))


def test_a_value_that_is_none_is_no_point() -> None:
    curves = CURVES.replace("20.5", "").replace("1.2,", "nan,").replace("3.3", "inf")
    points = curve_points(None, curves, [], Clock([], 0.0))
    assert {point.key for point in points if point.key.startswith("valid/")} == set()
    assert all(math.isfinite(point.value) for point in points)


def test_scores() -> None:
    scores = {
        "bleu": {"score": 30.123456789, "signature": "x", "low": 29.0, "high": 31.0},
        "chrf": {"score": 50.0, "signature": "y"},
        "perplexity": 5.5,
        "exact_match": None,
        "examples": 1000,
    }
    points = score_points(json.dumps(scores), 9.0)
    assert {point.key: point.value for point in points} == {
        "test/bleu": 30.123456789,
        "test/bleu_low": 29.0,
        "test/bleu_high": 31.0,
        "test/chrf": 50.0,
        "test/perplexity": 5.5,
    }
    assert {(point.step, point.time) for point in points} == {(0, 9.0)}


def test_scores_of_a_group_stand_under_their_own_names() -> None:
    scores = {
        "bleu": {"score": 30.0, "signature": "x"},
        "rouge": {"rouge1": {"score": 31.0, "signature": "y", "low": 30.0, "high": 32.0}, "unread_letters": 0.5},
        "diversity": {
            "distinct_1": {"score": 2.0, "references": 12.0, "signature": "z"},
            "most_frequent_output": {"score": 17.0, "references": 0.5, "text": "42"},
        },
    }
    points = score_points(json.dumps(scores), 9.0)
    assert {point.key: point.value for point in points} == {
        "test/bleu": 30.0,
        "test/rouge1": 31.0,
        "test/rouge1_low": 30.0,
        "test/rouge1_high": 32.0,
        "test/unread_letters": 0.5,
        "test/distinct_1": 2.0,
        "test/distinct_1_references": 12.0,
        "test/most_frequent_output": 17.0,
        "test/most_frequent_output_references": 0.5,
    }


def test_what_is_one_number_for_the_run_is_a_bar_and_counts_are_tags() -> None:
    best = {"epoch": 1, "step": 4, "bleu": 20.5, "loss": 1.2, "perplexity": 3.3}
    training = {"best": best, "epochs": 2, "steps": 8, "stopped_early": True, "parameters": 2**40 + 1}
    points = {point.key: (point.value, point.step) for point in training_points(json.dumps(training), 9.0)}
    # MLflow draws a line as soon as a step is not 0.
    assert points == {"valid_best/bleu": (20.5, 0), "valid_best/loss": (1.2, 0), "valid_best/perplexity": (3.3, 0)}
    assert counter_tags(training, {"examples": 1000}) == {
        "best.epoch": "1",
        "best.step": "4",
        "training.epochs": "2",
        "training.steps": "8",
        "training.parameters": str(2**40 + 1),
        "test.examples": "1000",
    }
    assert counter_tags({}, {}) == {}


def test_what_a_training_started_from_is_in_tags() -> None:
    start = {
        "origin": "base",
        "run": "tf1.00-s1",
        "fingerprint": "ab",
        "sha256": "cd",
        "valid": {"loss": 1.5, "bleu": 20.0},
    }
    tags = counter_tags({"started_from": start}, {})
    assert tags == {
        "origin.run": "tf1.00-s1",
        "origin.fingerprint": "ab",
        "origin.sha256": "cd",
        "origin.valid_loss": "1.5",
        "origin.valid_bleu": "20.0",
    }
    assert not any(name.startswith("origin") for name in counter_tags({}, {}))
