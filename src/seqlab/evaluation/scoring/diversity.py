"""How diverse the outputs are: a model of dialogue may answer everything with "I don't know".

distinct-n (Li et al. 2016, arXiv 1510.03055) is the number of different n-grams over the number of words, both of all
outputs together; words are those of BLEU's tokenizer, mixed case. It falls as text grows, so that it says
something only beside that of other outputs of the same test set, or of its references.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sacrebleu

from seqlab.scoring.bleu import check_scorable
from seqlab.scoring.tokenization import bleu_metric


@dataclass(frozen=True, slots=True)
class Diversity:
    """Of some texts: distinct-1 and distinct-2 in percent, and how often texts recur.

    `different` counts the different texts; `most_frequent` is the percentage of texts that are `text`, the most
    frequent one (of equals the first).
    """

    distinct_1: float
    distinct_2: float
    different: int
    most_frequent: float
    text: str


def diversity(
    translations: Sequence[str], references: Sequence[tuple[str, ...]], *, tokenize: str
) -> dict[str, dict[str, Any]]:
    """Each figure (`score`) of the translations beside that of the sentences' first references (`references`).

    distinct_1, distinct_2 and most_frequent_output are percentages; different_outputs is a count. Only the first
    references are taken: with all of them there would be more text, and a lower distinct-n.

    Raises:
        ValueError: as `check_scorable`.
        SeqlabError: the tokenizer lacks something, as in `bleu_metric`.
    """
    check_scorable(translations, references)
    tokenizer = bleu_metric(tokenize).tokenizer
    ours, truth = measure(translations, tokenizer), measure([texts[0] for texts in references], tokenizer)
    signature = f"refs:first|case:mixed|tok:{tokenizer.signature()}|version:{sacrebleu.__version__}"
    return {
        "distinct_1": {"score": ours.distinct_1, "references": truth.distinct_1, "signature": signature},
        "distinct_2": {"score": ours.distinct_2, "references": truth.distinct_2, "signature": signature},
        "different_outputs": {"score": ours.different, "references": truth.different},
        "most_frequent_output": {"score": ours.most_frequent, "references": truth.most_frequent, "text": ours.text},
    }


def measure(texts: Sequence[str], tokenizer: Callable[[str], str]) -> Diversity:
    """The diversity of at least one text, all taken together; without any word distinct-n is 0."""
    sentences = [tokenizer(text).split() for text in texts]
    words = max(1, sum(map(len, sentences)))
    unigrams = {word for sentence in sentences for word in sentence}
    bigrams = {pair for sentence in sentences for pair in pairwise(sentence)}
    text, times = Counter(texts).most_common(1)[0]
    return Diversity(
        distinct_1=100.0 * len(unigrams) / words,
        distinct_2=100.0 * len(bigrams) / words,
        different=len(set(texts)),
        most_frequent=100.0 * times / len(texts),
        text=text,
    )
