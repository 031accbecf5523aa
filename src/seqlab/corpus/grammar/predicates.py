"""Random predicates of the embedded grammar: a verb that suits the subject, with what it takes."""

from dataclasses import replace

from seqlab.corpus.grammar.chooser import Chooser
from seqlab.corpus.grammar.clauses import (
    Clause,
    Gap,
    Negation,
    Nominal,
    Pair,
    Person,
    Phrase,
    Place,
    Pronoun,
    Question,
    kind,
)
from seqlab.corpus.grammar.french import starts_with_vowel
from seqlab.corpus.grammar.lexicon import ADJECTIVES, ANIMALS, MASCULINE, MASS, PEOPLE, Adjective
from seqlab.corpus.grammar.phrases import PhraseSampler, definite
from seqlab.corpus.grammar.verbs import (
    BE,
    DITRANSITIVE,
    FUTURE,
    IMPERFECT,
    INTRANSITIVE,
    PRESENT,
    TRANSITIVE,
    WANT,
    Verb,
)

LIVING = PEOPLE | ANIMALS
THINGS = frozenset({"text", "clothing", "thing", "vehicle", "opening", "inside", "spot", "food"})
# Things that can lie on a table or under a bed.
_SMALL = frozenset({"text", "clothing", "thing", "food"})

_INSIDE, _SPOT, _NATURE, _SURFACE = (frozenset({name}) for name in ("inside", "spot", "nature", "surface"))
_PLACES = (
    ("in", _INSIDE), ("in", _INSIDE), ("at", _SPOT), ("at", _SPOT), ("near", _SPOT | _INSIDE | _NATURE),
    ("in front of", _SPOT | _INSIDE), ("behind", _INSIDE), ("next to", _NATURE | _SPOT),
)  # fmt: skip
_LYING = (("on", _SURFACE), ("under", _SURFACE), ("in", _INSIDE), ("next to", _SURFACE))
_TIMES = {
    PRESENT: ("today", "every day", "in the morning", "in the evening"),
    IMPERFECT: ("that day", "that evening"),
    FUTURE: ("tomorrow", "today", "next week"),
}
_CLITICS: tuple[Person, ...] = ("I", "he", "she", "we", "you", "they")
_FIRST = frozenset({"I", "we"})


class PredicateSampler:
    """Draws clauses without subordinate ones."""

    def __init__(self, chooser: Chooser, phrases: PhraseSampler) -> None:
        self._chooser = chooser
        self._phrases = phrases

    def takes(self, object_kind: str) -> bool:
        """Whether people can do something to this class of noun, so that a relative clause with que can follow it."""
        return bool(_verbs("person", frozenset({object_kind})))

    def nesting_verb(self, subject_kind: str, *, people: bool, lively: bool) -> Verb:
        """A transitive verb for this subject; `people`: one that takes people; `lively`: no state."""
        options = [
            verb for verb in TRANSITIVE if subject_kind in verb.subjects and (not people or verb.objects & PEOPLE)
        ]
        return self._chooser.pick([verb for verb in options if verb.objects - MASS and not (lively and verb.stative)])

    def with_gap(
        self, subject: Nominal, tense: str, kinds: frozenset[str], negation: Negation, gap: Gap | None = None
    ) -> Clause:
        """A clause whose object, of one of `kinds`, is taken out by que or by `what`."""
        options = _verbs(kind(subject), kinds)
        asked = gap is None
        verb = self._chooser.pick([verb for verb in options if not (asked and (verb.stative or verb.objects & PEOPLE))])
        missing = gap or Gap(MASCULINE, False, "thing")
        return Clause(subject, verb, tense, negation, self._wish(verb, 10), object=missing)

    def simple(
        self, subject: Nominal | Gap, tense: str, negation: Negation, *, lively: bool, asked: Question | None
    ) -> Clause:
        """A clause of one verb; `lively`: an action, not a state."""
        who = kind(subject)
        if who not in LIVING:
            return self._state(subject, tense, negation, asked)
        draw = self._chooser.below(100)
        if draw < 22 and not lively and asked not in {"where", "when"}:
            return self._state(subject, tense, negation, asked)
        clause = Clause(subject, BE, tense, negation)
        if draw < 42:
            verb = self._chooser.pick([verb for verb in INTRANSITIVE if who in verb.subjects])
            clause = replace(
                clause, verb=verb, wish_verb=self._wish(verb, 12) if who in PEOPLE and not lively else None
            )
        elif draw < 52 and who in PEOPLE:
            verb = self._chooser.pick(DITRANSITIVE)
            given = self._phrases.phrase(verb.objects, holder=subject, countable=not negation)
            clause = replace(clause, verb=verb, object=given, recipient=self._phrases.person(subject))
        else:
            clause = self._transitive(clause, who, lively)
        return self._circumstances(clause, asked)

    def _transitive(self, clause: Clause, who: str, lively: bool) -> Clause:
        verb = self._chooser.pick(
            [verb for verb in TRANSITIVE if who in verb.subjects and not (lively and verb.stative)]
        )
        wish = self._wish(verb, 12) if who in PEOPLE and not lively else None
        what = self._object(replace(clause, verb=verb))
        return replace(clause, verb=verb, wish_verb=wish, object=what)

    def _object(self, clause: Clause) -> Nominal:
        verb, kinds = clause.verb, clause.verb.objects
        definite = verb.stative
        if "person" in kinds and verb.preposition != "à" and self._chooser.percent(25):
            clitic = self._clitic(clause)
            if clitic:
                return clitic
        if "person" in kinds and self._chooser.percent(20):
            return self._phrases.name()
        if not clause.negation and kinds - MASS and self._chooser.percent(8):
            return self._phrases.pair(kinds & PEOPLE or kinds - MASS)
        return self._phrases.phrase(
            kinds, holder=clause.subject, countable=not clause.negation and not definite, definite=definite
        )

    def _clitic(self, clause: Clause) -> Pronoun | None:
        """A pronoun object that is not the subject; l' before a vowel would not tell him from her."""
        person = self._chooser.pick(_CLITICS)
        subject = clause.subject.person if isinstance(clause.subject, Pronoun) else None
        reflexive = person == subject or {person, subject} <= _FIRST
        hidden = person in {"he", "she"} and not clause.verb.preposition and starts_with_vowel(clause.verb.infinitive)
        return None if reflexive or hidden else Pronoun(person)

    def _wish(self, verb: Verb, chance: int) -> Verb | None:
        suits = not verb.stative and "person" in verb.subjects
        return WANT if suits and self._chooser.percent(chance) else None

    def _state(self, subject: Nominal | Gap, tense: str, negation: Negation, asked: Question | None) -> Clause:
        subject = definite(subject)
        clause = Clause(subject, BE, tense, negation)
        adjectives = _predicates(subject)
        placed = asked is None and (kind(subject) in LIVING | _SMALL)
        if placed and (not adjectives or self._chooser.percent(35)):
            return replace(clause, place=self._place(_LYING if kind(subject) in _SMALL else _PLACES))
        if not adjectives:
            return replace(clause, place=self._place(_PLACES))
        time = "" if negation == "never" or not self._chooser.percent(10) else self._time(clause, state=True)
        return replace(clause, predicate=self._chooser.pick(adjectives), time=time)

    def _circumstances(self, clause: Clause, asked: Question | None) -> Clause:
        state = clause.verb.stative or clause.wish_verb is not None
        if asked != "where" and not clause.verb.stative and not clause.recipient and self._chooser.percent(28):
            # courir à l'école is to run to it; to laugh at the school is another thing than rire à l'école.
            only_in = clause.verb.english in {"run", "laugh"}
            clause = replace(clause, place=self._place(_PLACES[:2] if only_in else _PLACES))
        draw = self._chooser.below(100)
        if asked == "when" or clause.negation == "never":
            return clause
        if draw < 12:
            return replace(clause, time=self._time(clause, state=state))
        if draw < 22 and not clause.negation and not clause.verb.stative:
            return replace(clause, adverb=self._chooser.pick(("often", "often", "sometimes", "rarely")))
        return clause

    def _time(self, clause: Clause, *, state: bool) -> str:
        options = _TIMES[clause.tense]
        return self._chooser.pick(options[:1] if clause.tense == PRESENT and (state or clause.negation) else options)

    def _place(self, places: tuple[tuple[str, frozenset[str]], ...]) -> Place:
        preposition, kinds = self._chooser.pick(places)
        return Place(preposition, self._phrases.place(kinds, definite=preposition == "at"))


def _verbs(subject_kind: str, object_kinds: frozenset[str]) -> list[Verb]:
    return [
        verb for verb in TRANSITIVE
        if subject_kind in verb.subjects and verb.objects & object_kinds and not verb.preposition
    ]  # fmt: skip


def _predicates(subject: Nominal | Gap) -> list[Adjective]:
    """The adjectives that suit a subject and whose agreement English tells."""
    if isinstance(subject, Pronoun) and subject.person == "you":
        return []
    # A house that has just been built is neuve rather than nouvelle.
    suited = [adjective for adjective in ADJECTIVES if adjective.english != "new"]
    told = not isinstance(subject, Pronoun) or subject.person in {"he", "she", "they"}
    if isinstance(subject, Pair):
        return [a for a in suited if not a.before and "relation" in a.kinds]
    if isinstance(subject, Phrase) and (subject.before or subject.after):
        # No "the young man is old".
        return [a for a in suited if kind(subject) in a.kinds and not (a.before or subject.after)]
    return [a for a in suited if kind(subject) in a.kinds and (told or a.epicene)]
