"""What the search is worth, of members that tools.trainings trained."""

import csv
import shutil
from itertools import product
from pathlib import Path

import pytest
import sacrebleu
from click.testing import CliRunner

from tests.tools.small import SMALL
from tools import decoding, trainings
from tools.decoding import minimum_bayes_risk, posterior


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One member, planned and not trained."""
    made = tmp_path_factory.mktemp("decoding")
    settings = [part for setting in (*SMALL, "model.attention=dot", "evaluate.beam_size=1") for part in ("-S", setting)]
    arguments = ["try", f"--folder={made}", "--recipe=grid", *settings, "--plan"]
    assert CliRunner().invoke(trainings.main, arguments, catch_exceptions=False).exit_code == 0
    return made


def rows_of(folder: Path) -> list[dict[str, str]]:
    result = CliRunner().invoke(
        decoding.main, ["try", f"--folder={folder}", f"--csv={folder / 'found.csv'}"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return list(csv.DictReader((folder / "found.csv").read_text("utf-8").splitlines()))


def test_each_way_to_search(folder: Path) -> None:
    """What is not trained is told; then greedy search is as in training and evaluate, and nothing is done twice."""
    arguments = ["try", f"--folder={folder}", f"--csv={folder / 'found.csv'}"]
    result = CliRunner().invoke(decoding.main, arguments)
    assert result.exit_code == 1
    assert "is not trained" in result.output
    csv_file = folder / "trained.csv"
    trained = CliRunner().invoke(trainings.main, ["try", f"--folder={folder}", "--jobs=1", f"--csv={csv_file}"])
    assert trained.exit_code == 0, trained.output
    [known] = csv.DictReader(csv_file.read_text("utf-8").splitlines())

    rows = rows_of(folder)
    greedy, *beams, by_posterior, alike = rows
    assert (float(greedy["bleu"]), float(greedy["chrf"])) == (float(known["bleu"]), float(known["chrf"]))
    assert float(greedy["valid_bleu"]) == round(float(known["valid_bleu"]), 4)
    assert [(int(row["beam_size"]), float(row["length_penalty"])) for row in beams] == [
        *product(decoding.BEAM_SIZES, decoding.LENGTH_PENALTIES)
    ]
    assert [row["search"] for row in (greedy, beams[0], by_posterior, alike)] == [
        "greedy",
        "beam",
        "MBR",
        "MBR, uniform",
    ]
    assert {row["commit"] for row in rows} == {known["commit"]}

    shutil.rmtree(folder / "work")
    assert rows_of(folder) == rows


def test_minimum_bayes_risk_is_the_plain_sum() -> None:
    hypotheses = ["a cat sits", "the cat sits", "the cat sat", "the cat sits", "dogs"]
    probabilities = [0.35, 0.2, 0.2, 0.15, 0.1]
    expected = {
        candidate: sum(
            probability * sacrebleu.sentence_chrf(candidate, [truth]).score
            for truth, probability in zip(hypotheses, probabilities, strict=True)
        )
        for candidate in hypotheses
    }
    # Not the likeliest: others share more with it.
    assert minimum_bayes_risk(hypotheses, probabilities) == max(expected, key=expected.__getitem__) == "the cat sits"
    assert minimum_bayes_risk(["x", "y"], [0.5, 0.5]) == "x"
    assert minimum_bayes_risk(["x", "y"], [0.4, 0.6]) == "y"


def test_posterior() -> None:
    assert posterior([-1000.0, -1000.0]) == [0.5, 0.5]
    assert posterior([-0.5]) == [1.0]
    assert posterior([-2.0, -1.0]) == pytest.approx([0.26894142, 0.73105858])
