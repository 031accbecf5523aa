"""BPE-dropout, held against SentencePiece, and against the algorithm as the paper writes it."""

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seqlab.core.special_tokens import UNK
from seqlab.text.tokenizer import Tokenizer
from seqlab.tokenizing.vocabulary import train_model
from seqlab.training.bpe_dropout import NUMBER, WordCuts

SYLLABLES = ["an", "ba", "cher", "de", "el", "fu", "gen", "ha", "in", "ko", "lich", "ste", "un", "ver", "z", "ü", "😀"]


def some_words(count: int, seed: int = 1) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices(SYLLABLES, range(len(SYLLABLES), 0, -1), k=draw.randint(1, 6))) for _ in range(count)]


WORDS = some_words(5000)
TOKENIZER = Tokenizer(
    train_model([" ".join(WORDS[place : place + 8]) for place in range(0, 2000, 8)], "bpe", 400, "texts"), "bpe", 100
)


PRIORITY = {piece: -index for index, piece in enumerate(TOKENIZER.vocabulary) if index > UNK}


def as_bytes(tokens: list[int]) -> bytes:
    return np.array(tokens, dtype=NUMBER).tobytes()


def pieces_of(cuts: WordCuts, numbers: NDArray[Any]) -> list[tuple[int, ...]]:
    ends = np.cumsum(cuts.lengths(numbers))
    return [tuple(row.tolist()) for row in np.split(cuts.tokens(numbers), ends[:-1])]


def as_the_paper_says(word: str, dropout: float, draw: random.Random) -> tuple[str, ...]:
    """Provilkov, Emelianenko and Voita 2020, algorithm 1, letter by letter."""
    split = list(word)
    while True:
        merges = [place for place, (left, right) in enumerate(pairwise(split)) if left + right in PRIORITY]
        merges = [place for place in merges if draw.random() >= dropout]
        if not merges:
            return tuple(split)
        place = max(merges, key=lambda place: PRIORITY[split[place] + split[place + 1]])
        split[place : place + 2] = [split[place] + split[place + 1]]


def test_without_dropout_it_is_sentencepiece() -> None:
    cuts, encoded = WordCuts(TOKENIZER.vocabulary), TOKENIZER.encode(WORDS)
    # Half of them were in no text that the merges were learnt from, and some begin with a space, or with several.
    encoded += TOKENIZER.encode([f"{'  '[: 1 + index % 2]}{word}" for index, word in enumerate(WORDS)])
    numbers = cuts.cut(cuts.numbers([as_bytes(tokens) for tokens in encoded]), 0.0, np.random.default_rng(1))
    assert pieces_of(cuts, numbers) == [tuple(tokens) for tokens in encoded]
    assert max(map(len, encoded)) > 5
    assert len({tuple(tokens) for tokens in encoded}) > 3000


def test_all_dropped_leaves_characters_and_what_is_unknown() -> None:
    cuts, words = WordCuts(TOKENIZER.vocabulary), [*WORDS[:50], "chЖЖer", "⁇", "<unk>"]
    encoded = TOKENIZER.encode(words)
    found = pieces_of(cuts, cuts.cut(cuts.numbers([as_bytes(row) for row in encoded]), 1.0, np.random.default_rng(1)))
    ids = {piece: index for index, piece in enumerate(TOKENIZER.vocabulary)}
    # A run of unknown characters is one token, whose text nobody knows any more.
    expected = [[ids.get(character, UNK) for character in word.replace("ЖЖ", "Ж")] for word in words]
    assert [list(row) for row in found[:-2]] == expected[:-2]
    assert any(UNK in row for row in encoded)
    assert all(row.count(UNK) == tuple(before).count(UNK) for row, before in zip(found, encoded, strict=True))


@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.9])
def test_cuts_are_as_likely_as_by_the_paper_s_algorithm(dropout: float) -> None:
    """Within 5 standard deviations for each of the cuts of a word."""
    times, draw, generator = 5_000, random.Random(1), np.random.default_rng(1)
    for word in ("verlichste", "anan", "unkostelinba"):
        cuts = WordCuts(TOKENIZER.vocabulary)
        # More merges than one are possible at first, or there would be nothing to compare.
        assert sum(left + right in TOKENIZER.vocabulary for left, right in pairwise(word)) > 1
        numbers = cuts.numbers([as_bytes(TOKENIZER.encode([word])[0])] * times)
        found = Counter(pieces_of(cuts, cuts.cut(numbers, dropout, generator)))
        by_paper = Counter(as_the_paper_says(word, dropout, draw) for _ in range(times))
        ours = Counter({tuple(TOKENIZER.vocabulary[piece] for piece in cut): n for cut, n in found.items()})
        assert len(by_paper) > 3
        for cut in ours | by_paper:
            assert abs(ours[cut] - by_paper[cut]) <= 5 * np.sqrt(ours[cut] + by_paper[cut])


def test_what_is_drawn_does_not_depend_on_what_was_met_before() -> None:
    encoded = [as_bytes(tokens) for tokens in TOKENIZER.encode(WORDS[:500])]

    def cut(cuts: WordCuts) -> list[tuple[int, ...]]:
        return pieces_of(cuts, cuts.cut(cuts.numbers(encoded), 0.3, np.random.default_rng(5)))

    old = WordCuts(TOKENIZER.vocabulary)
    old.cut(old.numbers(encoded[::-2]), 0.6, np.random.default_rng(6))
    assert cut(old) == cut(WordCuts(TOKENIZER.vocabulary))
