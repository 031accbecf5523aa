"""Evaluating on another device, as far as it can be tried without a GPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.params.schema import EvaluateParams
from seqlab.seq2seq.engines.ahead_model import AheadModel
from seqlab.seq2seq.engines.choice import CPU, CUDA, PLAIN
from seqlab.seq2seq.engines.cuda import stepwise
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from tests.evaluation.conftest import score
from tests.evaluation.test_evaluation import read_json, read_records
from tests.simulated_device import simulated_device

MakeParams = Callable[..., EvaluateParams]


def scores(record: dict[str, Any]) -> list[float]:
    """Those of a translation and of its n best."""
    return [record["score"], *(each["score"] for each in record.get("n_best", []))]


def texts(record: dict[str, Any]) -> dict[str, Any]:
    """All but the scores."""
    n_best = [each["translation"] for each in record.get("n_best", [])]
    return {key: value for key, value in record.items() if key != "score"} | {"n_best": n_best}


@pytest.mark.parametrize(
    ("engine", "parameters", "beam_size"),
    [
        (CUDA, "average", 1),
        (CUDA, "best", 3),
        (CUDA, "ensemble", 3),
        (PLAIN, "average", 1),
        (PLAIN, "ensemble", 3),
        (CPU, "best", 3),
    ],
)
def test_another_device_gives_the_same_results_by_every_engine(
    parameters: str, beam_size: int, engine: Engine, best: Path, root: Path, tmp_path: Path, evaluate_params: MakeParams
) -> None:
    params = evaluate_params(beam_size=beam_size, n_best=beam_size, parameters=parameters)

    def run(device: str, engine: Engine) -> Path:
        reports = tmp_path / device
        score(params, root, reports, checkpoint=best, device=device, engine=engine)
        return reports

    here = run("cpu", CPU)
    with simulated_device() as device:
        there = run(device, engine)
    for found, expected in zip(read_records(there), read_records(here), strict=True):
        # Scores are rounded to four places.
        assert scores(found) == pytest.approx(scores(expected), abs=1.1e-4)
        assert texts(found) == texts(expected)
    assert read_json(there / "scores.json")["loss"] == pytest.approx(read_json(here / "scores.json")["loss"], rel=1e-4)
    for found, expected in zip(*(read_json(reports / "attention.json") for reports in (there, here)), strict=True):
        for row, expected_row in zip(found["weights"], expected["weights"], strict=True):
            assert row == pytest.approx(expected_row, abs=1e-3)


@pytest.mark.parametrize(("parameters", "beam_size"), [("best", 1), ("ensemble", 3)])
def test_plain_is_plain_on_every_device(
    parameters: str,
    beam_size: int,
    best: Path,
    root: Path,
    tmp_path: Path,
    evaluate_params: MakeParams,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("not plain")

    for owner, name in (
        (Seq2Seq, "encode"),
        (Seq2Seq, "step"),
        (stepwise.Stepwise, "__init__"),
        (AheadModel, "__init__"),
    ):
        monkeypatch.setattr(owner, name, refuse)
    params = evaluate_params(beam_size=beam_size, parameters=parameters)
    found = score(params, root, tmp_path / "here", checkpoint=best, engine=PLAIN)
    with simulated_device() as device:
        there = score(params, root, tmp_path / "there", checkpoint=best, device=device, engine=PLAIN)
    assert found.keys() == there.keys()
    with pytest.raises(AssertionError, match="not plain"):
        score(params, root, tmp_path / "other", checkpoint=best, engine=CPU)
