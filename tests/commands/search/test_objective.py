import pytest

from seqlab.commands.search.objective import OBJECTIVES, find_objective
from seqlab.core.errors import SeqlabError
from seqlab.results.metrics import METRICS

KNOWN = "bleu, exact_match, loss, perplexity"


@pytest.mark.parametrize("name", ["bleu", "valid_best/bleu", "valid/bleu"])
def test_a_validation_metric_by_any_of_its_names(name: str) -> None:
    assert find_objective(name) is OBJECTIVES["bleu"]


def test_which_way_is_better() -> None:
    assert {name: each.lower_is_better for name, each in OBJECTIVES.items()} == {
        "bleu": False,
        "exact_match": False,
        "loss": True,
        "perplexity": True,
    }
    assert OBJECTIVES["bleu"].rank(2.0) < OBJECTIVES["bleu"].rank(1.0)
    assert OBJECTIVES["loss"].rank(1.0) < OBJECTIVES["loss"].rank(2.0)


@pytest.mark.parametrize("name", [metric.point for metric in METRICS] + ["chrf", "ter", "test/nothing"])
def test_no_metric_of_the_test_set(name: str) -> None:
    with pytest.raises(SeqlabError, match=f"measured on the test set: .* validation set: {KNOWN}"):
        find_objective(name)


def test_an_unknown_one() -> None:
    with pytest.raises(SeqlabError, match=f"no such metric of the validation set; there are {KNOWN}"):
        find_objective("blue")
