"""Evaluating on another device, as far as it can be tried without a GPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.params.schema import EvaluateParams
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


@pytest.mark.parametrize(("parameters", "beam_size"), [("average", 1), ("best", 3), ("ensemble", 3)])
def test_another_device_gives_the_same_results(
    parameters: str, beam_size: int, best: Path, root: Path, tmp_path: Path, evaluate_params: MakeParams
) -> None:
    params = evaluate_params(beam_size=beam_size, n_best=beam_size, parameters=parameters)

    def run(device: str) -> Path:
        reports = tmp_path / device
        score(params, root, reports, checkpoint=best, device=device)
        return reports

    here = run("cpu")
    with simulated_device() as device:
        there = run(device)
    for found, expected in zip(read_records(there), read_records(here), strict=True):
        # Scores are rounded to four places.
        assert scores(found) == pytest.approx(scores(expected), abs=1.1e-4)
        assert texts(found) == texts(expected)
    assert read_json(there / "scores.json")["loss"] == pytest.approx(read_json(here / "scores.json")["loss"], rel=1e-4)
    for found, expected in zip(*(read_json(reports / "attention.json") for reports in (there, here)), strict=True):
        for row, expected_row in zip(found["weights"], expected["weights"], strict=True):
            assert row == pytest.approx(expected_row, abs=1e-3)
