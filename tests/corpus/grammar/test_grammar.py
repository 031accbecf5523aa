import hashlib
import os
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import SPLITS, Example
from seqlab.corpus.grammar import grammar
from seqlab.corpus.grammar.clauses import Clause, Sentence
from seqlab.corpus.grammar.grammar import generate
from seqlab.corpus.grammar.lexicon import NOUNS
from seqlab.corpus.grammar.sampler import Sampler
from seqlab.params.corpus import GrammarParams
from tests.corpus.trees import PAUL, clause, the

# A vowel sound: not the aspirated h of héros, hibou, haricot, nor huit.
_VOWEL = r"(?:[aàâeéèêiîoôuûœ]|h(?!éros|ibou|aricot|uit))"
_WRONG = {
    "no elision": rf"\b(?:le|la|de|que|ne|je|me) {_VOWEL}",
    "si il": r"\bsi ils?\b",
    "elision before a consonant": r"\b(?:l|d|qu|n|j|m)'(?:[^aàâeéèêiîoôuûœhAÉEO]|h(?:éros|ibou|aricot|uit))",
    "no contraction": r"\b(?:de|à) les?\b",
    "de des": r"\b(?:de|d') ?(?:des|du|de la|de l')\b",
    "ce before a vowel": rf"\bce {_VOWEL}",
    "cet before a consonant": r"\bcet [^aàâeéèêiîoôuûœh]",
    "possessive before a vowel": rf"\b(?:ma|sa) {_VOWEL}",
    "masculine before a vowel": r"\b(?:beau|nouveau|vieux) (?:homme|ami|oncle|arbre|hôtel|avion|hôpital|article)\b",
    "bel before a consonant": r"\b(?:bel|nouvel|vieil) [^aàâeéèêiîoôuûœh]",
    "no euphonic t": r"\w[ae]-(?:il|elle)\b",
    "spacing": r"  |^ | $| [,.]|[^ ]\?|' |--",
    "comma": r",[^ ]|, ?[.?]",
}
_ENGLISH_WRONG = {
    "article": r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]",
    "agreement of he and she": r"\b(?:[Hh]e|[Ss]he) (?:am|are|were|do|have)\b",
    "agreement of I": r"\bI (?:is|are|were|does|wants|says|knows|thinks)\b",
    "spacing": r"  |^ | $| [,.?']",
}
_NEGATIVE = r"\b(?:ne |n'|Ne |N')"
_COMPLETE = r"\b(?:[Nn]e |[Nn]')(?:(?:me|le|la|les|nous|vous) |[ml]')?[\w-]+ (?:pas|jamais|plus)\b"


def params(
    train: int = 40, valid: int = 5, test: int = 5, seed: int = 1, depth: int = 3, extra: int = 0
) -> GrammarParams:
    sizes = {"train_size": train, "valid_size": valid, "test_size": test}
    return GrammarParams(seed=seed, **sizes, max_depth=depth, test_extra_depth=extra)


@pytest.fixture(scope="module")
def sample() -> list[tuple[str, str]]:
    """Several thousand pairs, over the depths."""
    pairs = []
    for depth, size in ((0, 2000), (1, 1500), (3, 2500), (8, 300)):
        splits = generate(params(size, 1, 1, seed=11, depth=depth), "en", "fr")
        pairs += [(example.source, example.references[0]) for example in splits["train"]]
    return pairs


@pytest.mark.parametrize("rule", _WRONG)
def test_french_spelling(sample: list[tuple[str, str]], rule: str) -> None:
    assert [french for _, french in sample if re.search(_WRONG[rule], french)] == []


@pytest.mark.parametrize("rule", _ENGLISH_WRONG)
def test_english_spelling(sample: list[tuple[str, str]], rule: str) -> None:
    assert [english for english, _ in sample if re.search(_ENGLISH_WRONG[rule], english)] == []


def test_both_parts_of_a_negation(sample: list[tuple[str, str]]) -> None:
    negated = [french for _, french in sample if re.search(_NEGATIVE, french)]
    assert len(negated) > 500
    for french in negated:
        assert len(re.findall(_NEGATIVE, french)) == len(re.findall(_COMPLETE, french)), french


def test_typography(sample: list[tuple[str, str]]) -> None:
    for english, french in sample:
        assert re.fullmatch(r"[A-Z][A-Za-z', -]*[.?]", english), english
        assert re.fullmatch(r"[A-ZÀÉÊŒ][\w', -]*(?:\.| \?)", french), french
        assert english.endswith("?") == french.endswith(" ?")


def test_gender_of_articles(sample: list[tuple[str, str]]) -> None:
    singular = {noun.french: noun.gender for noun in NOUNS if noun.french != noun.french_plural}
    wrong = {"m": ("une", "la", "cette", "ma"), "f": ("un", "le", "ce", "du", "au")}
    patterns = [rf"\b(?:{'|'.join(wrong[gender])}) {word}\b" for word, gender in singular.items()]
    # A pronoun object before the infinitive is no article; no verb looks like a noun here.
    assert [french for _, french in sample if re.search("|".join(patterns), french)] == []


def test_nothing_nests_at_depth_0() -> None:
    for example in generate(params(1500, depth=0), "fr", "en")["train"]:
        statement = re.sub(
            r"est-ce qu(?:e |')|^(?:Qu[ei]|Qu'|Quand|Qu'est-ce)\b", "", example.source, flags=re.IGNORECASE
        )
        assert not re.search(r"\b(?:qui|que|quand|parce|pendant|si)\b|qu'|s'il", statement), example.source


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_each_depth_is_reached(depth: int) -> None:
    english = [example.source for example in generate(params(600, depth=depth), "en", "fr")["train"]]
    marks = [len(re.findall(r"\b(?:that|who|because|when|while|if)\b", text.lower())) for text in english]
    assert min(marks) == 0
    assert max(marks) >= depth


def nesting(node: object) -> int:
    """Levels of clauses in a tree."""
    if not is_dataclass(node):
        return 0
    return isinstance(node, Clause) + max((nesting(getattr(node, field.name)) for field in fields(node)), default=0)


@pytest.mark.parametrize("levels", [1, 2])
def test_how_much_deeper_than_usual(levels: int) -> None:
    sampler = Sampler(seed=1, max_depth=2)
    assert {nesting(sampler.sentence()) for _ in range(500)} == {1, 2, 3}
    assert {nesting(sampler.deeper(levels)) for _ in range(200)} == {3 + levels}


def test_a_test_set_deeper_than_what_is_trained_on() -> None:
    splits = generate(params(300, 100, 100, depth=2, extra=1), "fr", "en")
    marks = {
        name: [len(re.findall(r"\b(?:qui|que|quand|si)\b|\bqu'|\bs'il", text.source.lower())) for text in splits[name]]
        for name in SPLITS
    }
    assert min(marks["test"]) >= 3
    assert min(marks["train"]) == min(marks["valid"]) == 0
    assert not any(text.source.endswith("?") for text in splits["test"])


def test_length_distribution() -> None:
    train = generate(params(3000, seed=5), "en", "fr")["train"]
    for texts in ([example.source for example in train], [example.references[0] for example in train]):
        lengths = [len(re.findall(r"[\w-]+'?|[,.?]", text)) for text in texts]
        assert min(lengths) <= 4
        assert max(lengths) >= 45
        assert sum(length > 20 for length in lengths) >= 0.1 * len(lengths)
        assert sum(length > 35 for length in lengths) >= 0.02 * len(lengths)


def test_vocabulary_is_modest(sample: list[tuple[str, str]]) -> None:
    for side, least, most in ((0, 300, 450), (1, 600, 1000)):
        words = {word for pair in sample for word in re.findall(r"[^\W\d_]+", pair[side].lower())}
        assert least < len(words) < most


def test_sizes_and_disjointness_on_both_sides() -> None:
    splits = generate(params(2500, 300, 200, depth=0), "en", "fr")
    assert {name: len(splits[name]) for name in SPLITS} == {"train": 2500, "valid": 300, "test": 200}
    examples = [example for name in SPLITS for example in splits[name]]
    assert len({example.source for example in examples}) == 3000
    assert len({example.references for example in examples}) == 3000


def test_two_sentences_with_one_translation_are_not_both_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    # his and her are both son.
    letters = [the("letter", "possessive", possessor=person) for person in ("he", "she")]
    trees = [Sentence(clause(PAUL, "lire", letter)) for letter in letters]
    trees += [Sentence(clause(PAUL, verb)) for verb in ("dormir", "rire")]
    drawn = iter(trees)
    monkeypatch.setattr(Sampler, "sentence", lambda _: next(drawn))
    french = [one.references[0] for split in generate(params(1, 1, 1), "en", "fr").values() for one in split]
    assert sorted(french) == ["Paul dort.", "Paul lit sa lettre.", "Paul rit."]


def test_the_other_direction_is_the_mirror_image() -> None:
    there, back = generate(params(300), "en", "fr"), generate(params(300), "fr", "en")
    for name in SPLITS:
        assert back[name] == [Example(one.references[0], (one.source,)) for one in there[name]]


def test_more_training_pairs_leave_the_other_splits_alone() -> None:
    small, large = generate(params(10), "en", "fr"), generate(params(50), "en", "fr")
    assert (small["valid"], small["test"]) == (large["valid"], large["test"])
    assert large["train"][:10] == small["train"]


def test_seeds_differ() -> None:
    assert generate(params(seed=1), "en", "fr") != generate(params(seed=2), "en", "fr")


def digest(splits: dict[str, list[Example]]) -> str:
    lines = [f"{name}\t{one.source}\t{one.references[0]}\n" for name in SPLITS for one in splits[name]]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


_PATHS = (str(Path(grammar.__file__).parents[3]), str(Path(__file__).parents[3]))
KNOWN = "19e1a046ee59422549047b7023705ddd7b4c7800539fa3860a7f2a1b073dea66"


@pytest.mark.parametrize("hash_seed", ["0", "4321"])
def test_bytes_are_known_whatever_the_hash_seed(hash_seed: str) -> None:
    assert digest(generate(params(), "en", "fr")) == KNOWN
    program = (
        "import importlib.util, sys; spec = importlib.util.spec_from_file_location('case', sys.argv[1]);"
        "case = importlib.util.module_from_spec(spec); spec.loader.exec_module(case);"
        "print(case.digest(case.generate(case.params(), 'en', 'fr')))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(_PATHS)}
    printed = subprocess.run(
        [sys.executable, "-c", program, __file__], env=environment, check=True, capture_output=True, text=True
    )
    assert printed.stdout.strip() == KNOWN


@pytest.mark.parametrize(("source", "target"), [("en", "de"), ("de", "fr"), ("en", "en"), ("fr", "fr"), ("", "")])
def test_other_languages_are_refused(source: str, target: str) -> None:
    with pytest.raises(SeqlabError, match=r"set corpus.source and corpus.target to en and fr, or to fr and en"):
        generate(params(), source, target)


def test_exhaustion_says_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = Sampler(1, 0)
    few = [sampler.sentence() for _ in range(7)]
    turn = iter(range(10**9))
    monkeypatch.setattr(Sampler, "sentence", lambda _: few[next(turn) % 7])
    monkeypatch.setattr(grammar, "_PATIENCE", 50)
    with pytest.raises(SeqlabError, match=r"gave 7 different pairs of the 50 asked for .* lower train_size"):
        generate(params(), "en", "fr")
