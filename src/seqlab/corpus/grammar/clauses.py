"""The shared trees of the embedded grammar: what is said, before either language says it."""

from dataclasses import dataclass
from typing import Literal

from seqlab.corpus.grammar.lexicon import FEMININE, MASCULINE, PEOPLE, Adjective, Noun
from seqlab.corpus.grammar.verbs import Verb

Person = Literal["I", "he", "she", "we", "you", "they"]
Determiner = Literal["the", "a", "this", "every", "several", "many", "possessive"] | int
Negation = Literal["", "not", "never", "no longer"]
Conjunction = Literal["because", "when", "while", "if"]
Question = Literal["yes-no", "where", "why", "when", "who", "what"]


@dataclass(frozen=True, slots=True)
class Pronoun:
    """A personal pronoun; `you` is vous, `they` is ils."""

    person: Person


@dataclass(frozen=True, slots=True)
class Name:
    """A proper name."""

    name: str
    gender: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun with its dependents. An `int` determiner is a number from two up.

    `owner` is the complement of possession (`Paul's hat`, `the door of the house`) and goes with `the` alone.
    """

    noun: Noun
    determiner: Determiner = "the"
    plural: bool = False
    possessor: Person | None = None
    before: Adjective | None = None
    after: Adjective | None = None
    owner: "Phrase | Name | None" = None
    relative: "Clause | None" = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two nominals joined by `and`."""

    first: "Phrase | Name"
    second: "Phrase | Name"


Nominal = Phrase | Name | Pair | Pronoun


@dataclass(frozen=True, slots=True)
class Gap:
    """What a relative clause or a question takes out, with the agreement it leaves behind."""

    gender: str
    plural: bool
    kind: str

    @property
    def human(self) -> bool:
        """Whether English says who, not that."""
        return self.kind in PEOPLE


@dataclass(frozen=True, slots=True)
class Place:
    """A prepositional phrase of place."""

    preposition: str
    phrase: Phrase


@dataclass(frozen=True, slots=True)
class Subordinate:
    """An adverbial clause; a fronted one comes first, with a comma."""

    conjunction: Conjunction
    clause: "Clause"
    fronted: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause. `wish_verb` (want) governs `verb` in the infinitive; `adverb` is of frequency, `time` of time."""

    subject: Nominal | Gap
    verb: Verb
    tense: str
    negation: Negation = ""
    wish_verb: Verb | None = None
    object: Nominal | Gap | None = None
    recipient: Phrase | Name | None = None
    predicate: Adjective | None = None
    adverb: str = ""
    place: Place | None = None
    time: str = ""
    complement: "Clause | None" = None
    subordinate: Subordinate | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """One clause, or two joined by `and` or `but`, or a question."""

    clause: Clause
    question: Question | None = None
    conjunction: Literal["", "and", "but"] = ""
    second: Clause | None = None


def gender(nominal: Nominal | Gap) -> str:
    """The French gender of a nominal; a pair is feminine only if both of its members are."""
    if isinstance(nominal, Phrase):
        return nominal.noun.gender
    if isinstance(nominal, Pair):
        feminine = gender(nominal.first) == gender(nominal.second) == FEMININE
        return FEMININE if feminine else MASCULINE
    if isinstance(nominal, Pronoun):
        return FEMININE if nominal.person == "she" else MASCULINE
    return nominal.gender


def is_plural(nominal: Nominal | Gap) -> bool:
    """Whether the verb is plural."""
    if isinstance(nominal, Pronoun):
        return nominal.person in ("we", "you", "they")
    return isinstance(nominal, Pair) or (not isinstance(nominal, Name) and nominal.plural)


def kind(nominal: Nominal | Gap) -> str:
    """The semantic class of a nominal; names, pronouns and pairs are people."""
    if isinstance(nominal, Phrase):
        return nominal.noun.kind
    return nominal.kind if isinstance(nominal, Gap) else "person"
