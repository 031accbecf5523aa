"""The measure of a corpus: the metric by which its publications compare models, and which its results show first."""

_OTHERS = {"scan": "exact_match"}
_USUAL = "bleu"


def measure(corpus: str) -> str:
    """Name of the metric, as in scores.json, that a corpus (corpus.name) is measured by."""
    return _OTHERS.get(corpus, _USUAL)
