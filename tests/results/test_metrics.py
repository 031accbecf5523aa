"""The registry of metrics, against what evaluate writes and what evaluate.metrics can ask for."""

from typing import get_args

import pytest
from pydantic import ValidationError

from seqlab.evaluation.scoring.measure import measure
from seqlab.params.corpus import CorpusName
from seqlab.params.schema import EvaluateParams
from seqlab.results.metrics import BLEU, EXACT_MATCH, GROUPS, MEASURES, METRICS, compared
from seqlab.results.scores import Scores, flat, known

SCORE = {"score": 31.4, "low": 30.0, "high": 33.0, "signature": "nrefs:1"}
PLAIN = {"bleu": SCORE, "chrf": SCORE, "ter": SCORE, "perplexity": 4.3, "exact_match": 1.0, "examples": 60}
ROUGE = {"rouge1": SCORE, "rouge2": SCORE, "rougeL": SCORE, "unread_letters": 0.5}


def test_each_group_can_be_asked_for() -> None:
    (choices,) = get_args(EvaluateParams.model_fields["metrics"].annotation)
    assert get_args(choices) == GROUPS


def test_no_metric_has_the_name_of_another() -> None:
    for names in ({metric.key for metric in METRICS}, {metric.label for metric in METRICS}):
        assert len(names) == len(METRICS)


def test_scores_are_shown_in_the_order_of_the_registry() -> None:
    keys = [metric.key for metric, _ in Scores.model_validate({**PLAIN, "rouge": ROUGE}).shown()]
    assert keys == ["bleu", "chrf", "ter", "perplexity", "exact_match", "rouge1", "rouge2", "rougeL"]


def test_the_measure_of_the_corpus_is_shown_first() -> None:
    scores = Scores.model_validate({**PLAIN, "measure": "exact_match"})
    assert [metric.key for metric, _ in scores.shown()] == ["exact_match", "bleu", "chrf", "ter", "perplexity"]
    assert scores.first == (EXACT_MATCH, scores["exact_match"])
    with pytest.raises(ValidationError, match="measure"):
        Scores.model_validate({**PLAIN, "measure": "chrf"})


@pytest.mark.parametrize("corpus", get_args(CorpusName))
def test_a_corpus_is_measured_by_a_metric_of_the_registry(corpus: str) -> None:
    assert measure(corpus) in {metric.key for metric in MEASURES}
    assert Scores.model_validate({**PLAIN, "measure": measure(corpus)}).first[0].key == measure(corpus)


@pytest.mark.parametrize("missing", ["bleu", "exact_match", "rouge2"])
def test_a_metric_that_should_be_there_is_missed(missing: str) -> None:
    content = {name: value for name, value in PLAIN.items() if name != missing}
    content["rouge"] = {name: value for name, value in ROUGE.items() if name != missing}
    with pytest.raises(ValidationError, match=f"{missing} is missing"):
        Scores.model_validate(content)


def test_perplexity_alone_may_be_unknown() -> None:
    assert Scores.model_validate(PLAIN | {"perplexity": None})["perplexity"].score is None
    with pytest.raises(ValidationError, match="bleu has no score"):
        Scores.model_validate(PLAIN | {"bleu": SCORE | {"score": None}})


def test_a_group_s_members_take_its_place() -> None:
    assert flat({"bleu": 1, "rouge": {"rouge1": 2, "rouge2": 3}, "other": {"x": 4}}) == {
        "bleu": 1, "rouge1": 2, "rouge2": 3, "other": {"x": 4},
    }  # fmt: skip


def test_of_any_version_what_is_there_is_known() -> None:
    content = {"ter": SCORE, "diversity": {"different_outputs": {"score": 12}}, "perplexity": 4.3, "bleu": SCORE}
    found = known(content | {"examples": 60, "other": {"x": 4}})
    assert [(metric.key, score.score) for metric, score in found] == [
        ("bleu", 31.4), ("ter", 31.4), ("perplexity", 4.3), ("different_outputs", 12),
    ]  # fmt: skip
    assert next(metric.key for metric, _ in known(PLAIN | {"measure": "exact_match"})) == "exact_match"
    with pytest.raises(ValidationError):
        known({"bleu": {"score": "many"}})


def test_a_comparison_has_what_some_run_has() -> None:
    assert [metric.key for metric in compared(["test/rougeL", "test/ter", BLEU.point, "valid_best/bleu"])] == [
        "ter", "rougeL",
    ]  # fmt: skip
