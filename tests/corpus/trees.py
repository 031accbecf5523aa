"""Trees of the grammar, built by hand."""

from typing import Any

from seqlab.corpus.grammar.clauses import (
    Clause,
    Determiner,
    Gap,
    Name,
    Nominal,
    Phrase,
    Pronoun,
    Question,
    Sentence,
)
from seqlab.corpus.grammar.lexicon import ADJECTIVES, FEMININE, MASCULINE, NOUNS, Adjective
from seqlab.corpus.grammar.verbs import (
    BE,
    DECLARATIVE,
    DITRANSITIVE,
    INTRANSITIVE,
    PRESENT,
    TRANSITIVE,
    WANT,
    Verb,
)

PAUL, ALICE = Name("Paul", MASCULINE), Name("Alice", FEMININE)
JE, IL, ELLE, NOUS, VOUS, ILS = (Pronoun(person) for person in ("I", "he", "she", "we", "you", "they"))
MALE = Gap(MASCULINE, False, "person")


def the(noun: str, determiner: Determiner = "the", **options: Any) -> Phrase:
    adjectives: dict[str, Any] = {
        side: adjective(str(options.pop(side))) for side in ("before", "after") if side in options
    }
    word = next(entry for entry in NOUNS if entry.english == noun)
    return Phrase(word, determiner, **adjectives, **options)


def adjective(english_form: str) -> Adjective:
    return next(entry for entry in ADJECTIVES if entry.english == english_form)


def verb(infinitive: str) -> Verb:
    every = (BE, WANT, *DECLARATIVE, *DITRANSITIVE, *INTRANSITIVE, *TRANSITIVE)
    return next(entry for entry in every if entry.infinitive == infinitive)


def clause(subject: Nominal | Gap, infinitive: str, what: Nominal | Gap | None = None, **options: Any) -> Clause:
    tense = str(options.pop("tense", PRESENT))
    return Clause(subject, verb(infinitive), tense, object=what, **options)


def be(subject: Nominal | Gap, predicate: str, **options: Any) -> Clause:
    return clause(subject, "être", predicate=adjective(predicate), **options)


def ask(question: Question, inner: Clause) -> Sentence:
    return Sentence(inner, question)
