import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.core.special_tokens import SPECIAL_TOKENS
from seqlab.text.tokenizer import KINDS, Tokenizer
from seqlab.tokenizing.vocabulary import train_model

TEXTS = ["the cat sat on the mat.", "the dog sat.", "a cat and a dog", "the hat"]


def vocabulary(texts: list[str], kind: str, vocab_size: int) -> list[str]:
    tokenizer = Tokenizer(train_model(texts, kind, vocab_size, "texts"), kind, 10)
    return tokenizer.pieces(range(tokenizer.vocab_size))


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_come_first(kind: str) -> None:
    assert tuple(vocabulary(TEXTS, kind, 40)[:4]) == SPECIAL_TOKENS


@pytest.mark.parametrize("kind", KINDS)
def test_vocab_size_is_an_upper_bound(kind: str) -> None:
    assert len(vocabulary(TEXTS, kind, 5000)) < 100
    assert len(vocabulary(TEXTS, kind, 20)) <= 20
    assert len(vocabulary(["a"], kind, 5000)) == 5


def test_the_most_frequent_words_are_kept() -> None:
    texts = ["c b a", "c b", "c", "b d"]
    assert vocabulary(texts, "word", 8) == [*SPECIAL_TOKENS, "b", "c", "a", "d"]
    assert vocabulary(texts, "word", 6) == [*SPECIAL_TOKENS, "b", "c"]


def test_the_most_frequent_characters_are_kept() -> None:
    assert vocabulary(["ccbba", "cb"], "char", 100) == [*SPECIAL_TOKENS, "b", "c", "a"]
    assert vocabulary(["ccbbba", "cd"], "char", 6) == [*SPECIAL_TOKENS, "b", "c"]


def test_bpe_merges_the_most_frequent_pair_first() -> None:
    # "ab" 5 times, then "abc" 3 times (Sennrich et al. 2016).
    assert vocabulary(["abc", "abc", "abc", "ab", "ab", "c"], "bpe", 9)[4:] == ["ab", "abc", "a", "b", "c"]


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_vocabulary_smaller_than_the_alphabet_is_refused(kind: str) -> None:
    with pytest.raises(SeqlabError, match=r"the file: tokenizer.vocab_size is 8, but .* needs at least 12"):
        train_model(["abc", "defgh"], kind, 8, "the file")
    assert len(vocabulary(["abc", "defgh"], kind, 12)) == 12


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_no_text_is_refused(texts: list[str], kind: str) -> None:
    with pytest.raises(SeqlabError, match="the file: there is no text"):
        train_model(texts, kind, 100, "the file")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [SeqlabError, KeyboardInterrupt])
def test_an_error_of_the_texts_is_passed_on(error: type[BaseException], kind: str) -> None:
    def texts() -> Iterator[str]:
        yield "abc"
        raise error("line 2")

    with pytest.raises(error, match="line 2"):
        train_model(texts(), kind, 100, "the file")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", SPECIAL_TOKENS)
def test_names_of_special_tokens_are_ordinary_text(text: str, kind: str) -> None:
    tokenizer = Tokenizer(train_model([text] * 50, kind, 200, "texts"), kind, 10)
    ids = tokenizer.encode([text])
    assert min(ids[0]) >= len(SPECIAL_TOKENS)
    assert tokenizer.decode(ids) == [text]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text", ["end\n", "end\r\n", "\nstart", "end\t ", "\n", "end\u2028", "end\x00", "▁", "▅▅", "\x1f"]
)
def test_characters_at_the_edge_of_a_text_are_learnt(text: str, kind: str) -> None:
    tokenizer = Tokenizer(train_model([text, "a"], kind, 200, "texts"), kind, 10)
    assert tokenizer.decode(tokenizer.encode([text])) == [text]


@pytest.mark.parametrize("kind", KINDS)
def test_very_long_lines_are_learnt_from(kind: str) -> None:
    texts = ["ab cd " * 30_000, "x" * 200_000, "z"]
    tokenizer = Tokenizer(train_model(texts, kind, 100, "texts"), kind, 10)
    # As a word, 200,000 characters are noise.
    known = texts[::2] if kind == "word" else texts
    assert tokenizer.decode(tokenizer.encode(known)) == known


PROGRAM = """
import sys
from hashlib import sha256
from seqlab.tokenizing.vocabulary import train_model
texts = [f"{a} {b}{c}, {a}é {c * 3}\\n" for a in "the a an".split() for b in "xyzuvw" for c in "klmnop"]
for kind in ("word", "bpe", "unigram", "char"):
    print(kind, sha256(train_model(texts, kind, 60, "texts")).hexdigest())
"""


def test_bytes_do_not_depend_on_process_cores_folder_locale_or_hash_seed(tmp_path: Path) -> None:
    def run(cores: set[int], hash_seed: str, locale: str, folder: Path) -> str:
        environment = os.environ | {
            "PYTHONHASHSEED": hash_seed, "LC_ALL": locale, "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
        }  # fmt: skip
        program = f"import os; os.sched_setaffinity(0, {cores})\n{PROGRAM}"
        return subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=folder, check=True, capture_output=True, text=True
        ).stdout

    cores = os.sched_getaffinity(0)
    first = run({min(cores)}, "1", "C", tmp_path)
    assert len(set(first.split())) == 8
    assert run(cores, "2", "C.UTF-8", Path("/")) == first
