"""What BLEU counts in each sentence: as sacreBLEU does it, for one test set and the translations of many runs.

sacreBLEU's own counts are the same, and even with the references' n-grams cached (`BLEU(references=…)`) take a dozen
times as long: 94 to 101 ms of a processor for 1,000 sentences where this takes 7 to 9. That makes a comparison of 500
runs one of 52 s of a processor, and not of 16 (python -m benchmarks.compare, on two busy cores). So its tokenizer is
used as it is, each word once, and the n-grams are counted here as numbers, all sentences at once.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
from sacrebleu import BLEU

from seqlab.core.errors import SeqlabError
from seqlab.scoring.tokenization import bleu_metric, from_signature

Counts = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]
ORDERS = 4
# Lengths of translation and reference; matches, then totals, of 1- to 4-grams.
COLUMNS = 2 + 2 * ORDERS
CASES = {"mixed": False, "lc": True}
# Tokenizers that see no further than the space on either side of a word.
WORD_BY_WORD = ("13a",)
# For these sacreBLEU would fetch a model, of a signature that somebody else may have written.
DOWNLOADED = {"spm", "flores101", "spBLEU-1K"}
UNKNOWN = -1
_OTHER_SPACE = re.compile(r"[^\S ]")


class _Known(dict[str, tuple[int, ...]]):
    """Numbers of the tokens in a piece of text, each found out once."""

    def __init__(self, find: Callable[[str], tuple[int, ...]]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, piece: str) -> tuple[int, ...]:
        self[piece] = numbers = self._find(piece)
        return numbers


class BleuCounter:
    """Counts n-grams against the references of one test set, whose n-grams it holds as a tree for each sentence.

    An n-gram's number is found by that of its first n − 1 tokens and its last token. So two n-grams have one number
    only if they are the same n-gram of the same sentence, and what is in no reference of the sentence has none.
    """

    def __init__(self, signature: str, references: Sequence[Sequence[str]]) -> None:
        """Read the references of each sentence.

        Raises:
            SeqlabError: the signature is of a BLEU that is not computed here.
        """
        self._metric = _metric(signature)
        self._by_word = self._metric.tokenizer.signature() in WORD_BY_WORD
        self._vocabulary: dict[str, int] = {}
        self._known = _Known(self._numbers)
        self._sentences = len(references)
        texts = list(chain.from_iterable(references))
        counts = [len(each) for each in references]
        owners = np.repeat(np.arange(self._sentences), counts)
        self._learning = True
        tokens, lengths = self._tokens(texts)
        self._learning = False
        self._lengths = _padded(lengths, counts)
        # Of each order: the numbers' keys, the sentence of each number, and how often one reference has its n-gram.
        self._keys: list[Numbers] = []
        self._owners: list[Numbers] = []
        self._most: list[Numbers] = []
        self._build(tokens, np.repeat(np.arange(len(texts)), lengths), owners)

    def count(self, translations: Sequence[str]) -> Counts:
        """What BLEU counts in each translation, (sentences, COLUMNS).

        Raises:
            ValueError: another number of translations than of sentences.
        """
        if len(translations) != self._sentences:
            raise ValueError(f"{len(translations)} translations for {self._sentences} sets of references")
        tokens, lengths = self._tokens(translations)
        rows = np.repeat(np.arange(self._sentences), lengths)
        counts = np.zeros((self._sentences, COLUMNS), dtype=np.int32)
        counts[:, 0], counts[:, 1] = lengths, self._closest(lengths)
        found = rows
        for order, (keys, owners, most) in enumerate(zip(self._keys, self._owners, self._most, strict=True)):
            found = self._find(keys, found, tokens, rows, order)
            hits = np.minimum(np.bincount(found[found >= 0], minlength=len(keys)), most)
            counts[:, 2 + order] = np.bincount(owners, weights=hits, minlength=self._sentences)
            counts[:, 2 + ORDERS + order] = np.maximum(lengths - order, 0)
        return counts

    def _build(self, tokens: Numbers, texts: Numbers, owners: Numbers) -> None:
        """Number the n-grams of every order; `texts` says which text a token is of, `owners` which sentence a text."""
        numbers = owners[texts]
        for order in range(ORDERS):
            begins = _begins(texts, order)
            wanted = self._key(numbers[begins], tokens[begins + order])
            keys, found = np.unique(wanted, return_inverse=True)
            sentences = np.zeros(len(keys), dtype=np.int64)
            sentences[found] = owners[texts[begins]]
            self._keys.append(keys)
            self._owners.append(sentences)
            self._most.append(_most_in_one_text(found, texts[begins], len(keys)))
            numbers = np.full(len(tokens), UNKNOWN)
            numbers[begins] = found

    def _find(self, keys: Numbers, numbers: Numbers, tokens: Numbers, rows: Numbers, order: int) -> Numbers:
        """Number of the n-gram that begins at each token; UNKNOWN where there is none that a reference has."""
        begins = _begins(rows, order)
        begins = begins[(numbers[begins] >= 0) & (tokens[begins + order] >= 0)]
        found = np.full(len(tokens), UNKNOWN)
        if not len(keys):
            return found
        wanted = self._key(numbers[begins], tokens[begins + order])
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found[begins] = np.where(keys[places] == wanted, places, UNKNOWN)
        return found

    def _key(self, numbers: Numbers, tokens: Numbers) -> Numbers:
        return numbers * (len(self._vocabulary) + 1) + tokens

    def _tokens(self, texts: Iterable[str]) -> tuple[Numbers, Numbers]:
        """Numbers of all tokens, and how many each text has."""
        found: list[int] = []
        ends = [0]
        for text in texts:
            found.extend(chain.from_iterable(map(self._known.__getitem__, self._pieces(text))))
            ends.append(len(found))
        return np.array(found, dtype=np.int64), np.diff(ends)

    def _pieces(self, text: str) -> list[str]:
        return text.split(" ") if self._by_word and not _OTHER_SPACE.search(text) else [text]

    def _numbers(self, piece: str) -> tuple[int, ...]:
        tokens = self._metric._preprocess_segment(piece).split()
        if self._learning:
            return tuple(self._vocabulary.setdefault(token, len(self._vocabulary)) for token in tokens)
        return tuple(self._vocabulary.get(token, UNKNOWN) for token in tokens)

    def _closest(self, lengths: Numbers) -> Numbers:
        """Length of the reference that is closest to each translation's; of two as close, the shorter."""
        distance = np.abs(self._lengths - lengths[:, None])
        # Padding is farther than any reference.
        distance[self._lengths < 0] = np.iinfo(np.int32).max
        order = distance * (self._lengths.max() + 2) + self._lengths
        closest: Numbers = self._lengths[np.arange(self._sentences), order.argmin(axis=1)]
        return closest


def _metric(signature: str) -> BLEU:
    """The metric that a signature describes."""
    parts = dict(part.split(":", 1) for part in signature.split("|") if ":" in part)
    known = parts.get("eff") == "no" and parts.get("smooth") == "exp" and parts.get("case") in CASES
    tokenize = from_signature(parts.get("tok", ""))
    if not known or tokenize not in set(BLEU.TOKENIZERS) - DOWNLOADED:
        raise SeqlabError(
            f"no significance test for the BLEU of signature {signature or '(none)'}: "
            "known are case:mixed or lc, eff:no, smooth:exp and sacreBLEU's tokenizers"
        )
    # Says what is missing, and downloads nothing.
    bleu_metric(tokenize)
    return BLEU(tokenize=tokenize, lowercase=CASES[parts["case"]], smooth_method="exp", force=True)


def _begins(texts: Numbers, order: int) -> Numbers:
    """Where an n-gram of `order` + 1 tokens begins that does not run into the next text."""
    return np.flatnonzero(texts[: max(len(texts) - order, 0)] == texts[order:])


def _most_in_one_text(found: Numbers, texts: Numbers, size: int) -> Numbers:
    """How often each n-gram stands in that reference which has it most often."""
    pairs, counts = np.unique(np.stack([found, texts]), axis=1, return_counts=True)
    most = np.zeros(size, dtype=np.int64)
    np.maximum.at(most, pairs[0], counts)
    return most


def _padded(lengths: Numbers, counts: Sequence[int]) -> Numbers:
    """Lengths of the references of each sentence, (sentences, most references); −1 where there are fewer."""
    padded = np.full((len(counts), max(counts)), -1)
    padded[np.arange(max(counts)) < np.array(counts)[:, None]] = lengths
    return padded
