"""French forms: conjugation, plurals, elision."""

import pytest

from seqlab.corpus.grammar import french
from seqlab.corpus.grammar.lexicon import NOUNS
from seqlab.corpus.grammar.verbs import (
    BE,
    DECLARATIVE,
    DITRANSITIVE,
    FUTURE,
    IMPERFECT,
    INTRANSITIVE,
    PRESENT,
    TENSES,
    TRANSITIVE,
    WANT,
)
from tests.corpus.trees import verb

# Person by person (je, il, nous, vous, ils), from the tables of Bescherelle.
CONJUGATIONS = {
    ("manger", PRESENT): "mange mange mangeons mangez mangent",
    ("manger", IMPERFECT): "mangeais mangeait mangions mangiez mangeaient",
    ("manger", FUTURE): "mangerai mangera mangerons mangerez mangeront",
    ("acheter", PRESENT): "achète achète achetons achetez achètent",
    ("acheter", IMPERFECT): "achetais achetait achetions achetiez achetaient",
    ("acheter", FUTURE): "achèterai achètera achèterons achèterez achèteront",
    ("être", IMPERFECT): "étais était étions étiez étaient",
    ("être", FUTURE): "serai sera serons serez seront",
    ("voir", IMPERFECT): "voyais voyait voyions voyiez voyaient",
    ("voir", FUTURE): "verrai verra verrons verrez verront",
    ("courir", FUTURE): "courrai courra courrons courrez courront",
    ("rire", IMPERFECT): "riais riait riions riiez riaient",
    ("vouloir", FUTURE): "voudrai voudra voudrons voudrez voudront",
    ("savoir", FUTURE): "saurai saura saurons saurez sauront",
    ("dire", PRESENT): "dis dit disons dites disent",
    ("croire", IMPERFECT): "croyais croyait croyions croyiez croyaient",
    ("écrire", IMPERFECT): "écrivais écrivait écrivions écriviez écrivaient",
    ("connaître", FUTURE): "connaîtrai connaîtra connaîtrons connaîtrez connaîtront",
    ("boire", IMPERFECT): "buvais buvait buvions buviez buvaient",
    ("ouvrir", FUTURE): "ouvrirai ouvrira ouvrirons ouvrirez ouvriront",
    ("attendre", FUTURE): "attendrai attendra attendrons attendrez attendront",
}


@pytest.mark.parametrize(("infinitive", "tense"), CONJUGATIONS)
def test_conjugation(infinitive: str, tense: str) -> None:
    assert " ".join(verb(infinitive).forms[tense]) == CONJUGATIONS[infinitive, tense]


def test_every_verb_has_five_forms_in_each_tense() -> None:
    for entry in (BE, WANT, *DECLARATIVE, *DITRANSITIVE, *INTRANSITIVE, *TRANSITIVE):
        assert {tense: len(forms) for tense, forms in entry.forms.items()} == dict.fromkeys(TENSES, 5), entry


def test_plurals() -> None:
    plurals = {noun.french: noun.french_plural for noun in NOUNS} | {
        noun.english: noun.english_plural for noun in NOUNS if noun.english != noun.french
    }
    expected = {
        "cheval": "chevaux", "journal": "journaux", "gâteau": "gâteaux", "hibou": "hiboux", "souris": "souris",
        "héros": "héros", "child": "children", "man": "men", "knife": "knives", "box": "boxes", "story": "stories",
        "key": "keys",
    }  # fmt: skip
    assert {word: plurals[word] for word in expected} == expected


@pytest.mark.parametrize("word", ["héros", "hiboux", "haricots", "huit", "table"])
def test_no_elision_before(word: str) -> None:
    assert not french.starts_with_vowel(word)


@pytest.mark.parametrize("word", ["homme", "hôtel", "œuf", "étagère", "Alice", "Emma", "ami"])
def test_elision_before(word: str) -> None:
    assert french.starts_with_vowel(word)
