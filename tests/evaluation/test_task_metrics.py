"""ROUGE and diversity in scores.json: there if asked for, and nothing else changes with them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rouge_score.rouge_scorer import RougeScorer

from seqlab.evaluation.scoring.diversity import measure
from seqlab.params.schema import EvaluateParams
from seqlab.scoring.tokenization import bleu_metric
from tests.evaluation.conftest import score


def run(params: EvaluateParams, root: Path, reports: Path) -> dict[str, bytes]:
    return score(params, root, reports, measure="exact_match")


@pytest.fixture(scope="module")
def plain(
    root: Path, tmp_path_factory: pytest.TempPathFactory, evaluate_params: Callable[..., Any]
) -> dict[str, bytes]:
    return run(evaluate_params(), root, tmp_path_factory.mktemp("plain") / "reports")


@pytest.mark.parametrize("metrics", [["rouge"], ["diversity"], ["diversity", "rouge"]])
def test_only_what_is_asked_for_is_added(
    root: Path, tmp_path: Path, plain: dict[str, bytes], evaluate_params: Callable[..., Any], metrics: list[str]
) -> None:
    files = run(evaluate_params(metrics=metrics), root, tmp_path / "reports")
    others = dict(plain)
    before, scores = (json.loads(each.pop("scores.json")) for each in (others, files))
    metrics_before, metrics_now = (json.loads(each.pop("metrics.json")) for each in (others, files))
    added = {name: value for name, value in metrics_now.items() if name not in metrics_before}
    assert metrics_now == metrics_before | added
    groups = [scores[name] for name in sorted(metrics, reverse=True)]
    named = {name: value for group in groups for name, value in group.items() if isinstance(value, dict)}
    assert added == {name: round(value["score"], 4) for name, value in named.items()}
    assert files == others
    assert list(scores) == [*before, *sorted(metrics, reverse=True)]
    assert scores == before | {name: scores[name] for name in metrics}


def test_the_figures_are_those_of_the_translations(
    root: Path, tmp_path: Path, evaluate_params: Callable[..., Any]
) -> None:
    files = run(evaluate_params(metrics=["rouge", "diversity"]), root, tmp_path / "reports")
    scores = json.loads(files["scores.json"])
    records = [json.loads(line) for line in files["translations.jsonl"].decode().split("\n")[:-1]]
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    found = [scorer.score_multi(record["references"], record["translation"]) for record in records]
    for name in ("rouge1", "rouge2", "rougeL"):
        expected = 100 * sum(each[name].fmeasure for each in found) / len(records)
        assert scores["rouge"][name]["score"] == pytest.approx(expected)
        assert "nrefs:var|multi:max|bs:100|" in scores["rouge"][name]["signature"]
    # The test set has `Ünder` and `猫`.
    assert 0 < scores["rouge"]["unread_letters"] < 50
    tokenizer = bleu_metric("13a").tokenizer
    ours = measure([record["translation"] for record in records], tokenizer)
    truth = measure([record["references"][0] for record in records], tokenizer)
    for name, mine, theirs in (
        ("distinct_1", ours.distinct_1, truth.distinct_1),
        ("distinct_2", ours.distinct_2, truth.distinct_2),
        ("different_outputs", ours.different, truth.different),
        ("most_frequent_output", ours.most_frequent, truth.most_frequent),
    ):
        assert (scores["diversity"][name]["score"], scores["diversity"][name]["references"]) == (mine, theirs)
