"""Random sentences of the embedded grammar, with tenses and moods that agree from clause to clause.

Where the two languages draw the line differently, the sampler stays where both agree: think and believe are never
negated (subjunctive); a clause has a complement clause or an adverbial one, not both; and a clause in the future has
future relative clauses only, so that English tells the tense after quand.
"""

from dataclasses import replace
from typing import Literal

from seqlab.corpus.grammar.chooser import Chooser
from seqlab.corpus.grammar.clauses import (
    Clause,
    Conjunction,
    Gap,
    Negation,
    Nominal,
    Phrase,
    Question,
    Sentence,
    Subordinate,
    kind,
)
from seqlab.corpus.grammar.lexicon import ANIMALS, MASCULINE, PEOPLE
from seqlab.corpus.grammar.phrases import PhraseSampler, definite
from seqlab.corpus.grammar.predicates import LIVING, THINGS, PredicateSampler
from seqlab.corpus.grammar.verbs import DECLARATIVE, FUTURE, IMPERFECT, PRESENT, TENSES

Slot = Literal["complement", "adverbial", "object", "subject"]

_QUESTIONS: tuple[Question, ...] = ("yes-no", "yes-no", "yes-no", "who", "what", "where", "why", "when")
_NEGATIONS: tuple[Negation, ...] = ("not", "not", "never", "no longer")
_CONJUNCTIONS: tuple[Conjunction, ...] = ("because", "because", "when", "when", "while", "if")
# Of a hundred sentences.
_QUESTIONS_OF_100 = 14
_SLOTS: tuple[Slot, ...] = (
    "complement",
    "complement",
    "adverbial",
    "adverbial",
    "adverbial",
    "object",
    "object",
    "subject",
)
# A relative clause in the middle of its clause stays shallow, or no one could follow it.
_DEEPEST_MIDDLE = 2
_ASKED = frozenset({"text", "clothing", "thing", "vehicle", "opening", "food", "dish", "drink"})


class Sampler:
    """Draws sentences whose subordinate clauses nest exactly 0 to `max_depth` deep, all depths alike."""

    def __init__(self, seed: int, max_depth: int) -> None:
        self._chooser = Chooser(seed)
        self._phrases = PhraseSampler(self._chooser)
        self._predicates = PredicateSampler(self._chooser, self._phrases)
        self._max_depth = max_depth

    def sentence(self) -> Sentence:
        """The next sentence."""
        self._phrases.reset()
        depth = self._chooser.below(self._max_depth + 1)
        draw = self._chooser.below(100)
        if draw < _QUESTIONS_OF_100:
            return self._question(min(depth, 2))
        return self._statement(depth, draw)

    def deeper(self, levels: int) -> Sentence:
        """The next sentence that nests so many levels below `max_depth`; never a question, which nests two at most."""
        self._phrases.reset()
        draw = _QUESTIONS_OF_100 + self._chooser.below(100 - _QUESTIONS_OF_100)
        return self._statement(self._max_depth + levels, draw)

    def _statement(self, depth: int, draw: int) -> Sentence:
        tense = self._tense()
        if draw < 26:
            first = self._clause(self._chooser.below(depth + 1), tense)
            return Sentence(first, None, self._chooser.pick(("and", "but")), self._clause(depth, tense))
        clause = self._clause(depth, tense)
        subordinate = clause.subordinate
        movable = subordinate is not None and subordinate.conjunction != "because"
        if subordinate and movable and self._chooser.percent(50):
            clause = replace(clause, subordinate=replace(subordinate, fronted=True))
        return Sentence(clause)

    def _tense(self) -> str:
        return self._chooser.pick((PRESENT, PRESENT, *TENSES))

    def _question(self, depth: int) -> Sentence:
        question, tense = self._chooser.pick(_QUESTIONS), self._tense()
        if question == "who":
            return Sentence(self._clause(depth, tense, Gap(MASCULINE, False, "person"), asked=question), question)
        if question == "what":
            subject = self._phrases.subject(PEOPLE, negated=True)
            return Sentence(self._predicates.with_gap(subject, tense, _ASKED, ""), question)
        return Sentence(self._clause(depth, tense, asked=question), question)

    def _clause(
        self,
        depth: int,
        tense: str,
        subject: Gap | None = None,
        *,
        asked: Question | None = None,
        lively: bool = False,
        inner: bool = False,
    ) -> Clause:
        """A clause under which subordinate clauses nest exactly `depth` deep.

        Args:
            depth: levels below this clause.
            tense: its tense.
            subject: the gap of a relative clause or of `who`; none to draw a subject.
            asked: the question that it makes.
            lively: whether it must tell an action (after `while` and `when`).
            inner: whether it lies inside a relative clause.
        """
        slot = self._slot(depth, subject, asked)
        negation = self._negation(asked, slot)
        chosen = subject or self._subject(depth, slot, tense, bool(negation), lively or asked in {"where", "when"})
        if negation:
            # "Des garçons ne chantent pas" is hardly said.
            chosen = definite(chosen)
        clause = self._predicate(chosen, tense, negation, slot, depth, lively, asked, inner)
        if slot == "adverbial" or (depth > 1 and slot != "complement" and not asked and self._chooser.percent(20)):
            below = depth - 1 if slot == "adverbial" else self._chooser.below(min(depth, 3))
            clause = replace(clause, subordinate=self._subordinate(below, tense, inner))
        return clause

    def _slot(self, depth: int, subject: Gap | None, asked: Question | None) -> Slot | None:
        if depth == 0:
            return None
        slot = self._chooser.pick(_SLOTS)
        human = subject is None or subject.human
        if slot == "subject" and (subject is not None or depth > _DEEPEST_MIDDLE):
            slot = "object"
        if slot == "complement" and (asked or not human):
            slot = "object"
        if slot == "object" and subject is not None and subject.kind not in LIVING:
            slot = "adverbial"
        return "object" if slot == "adverbial" and asked in {"when", "where", "why"} else slot

    def _negation(self, asked: Question | None, slot: Slot | None) -> Negation:
        if slot == "complement" or asked not in {None, "yes-no"} or not self._chooser.percent(22):
            return ""
        # "Did Paul never use to sing?" is best avoided.
        return "not" if asked else self._chooser.pick(_NEGATIONS)

    def _subject(self, depth: int, slot: Slot | None, tense: str, negated: bool, lively: bool) -> Nominal:
        if slot == "subject":
            return self._relative(LIVING if depth == 1 else PEOPLE, depth - 1, tense, indefinite=True)
        draw = self._chooser.below(100)
        if slot == "complement" or draw < 72:
            return self._phrases.subject(PEOPLE, negated=negated)
        if draw < 85 or lively or slot == "object":
            return self._phrases.subject(ANIMALS, negated=negated)
        return self._phrases.subject(THINGS, negated=negated, adjectives=False)

    def _predicate(
        self,
        subject: Nominal | Gap,
        tense: str,
        negation: Negation,
        slot: Slot | None,
        depth: int,
        lively: bool,
        asked: Question | None,
        inner: bool,
    ) -> Clause:
        if slot == "complement":
            verb = self._chooser.pick(DECLARATIVE)
            return Clause(subject, verb, tense, complement=self._complement(depth - 1, tense, inner))
        if slot == "object":
            verb = self._predicates.nesting_verb(kind(subject), people=depth > 1, lively=lively)
            kinds = verb.objects & PEOPLE if depth > 1 else verb.objects
            below = self._relative(kinds, depth - 1, tense, indefinite=not negation and not verb.stative)
            return Clause(subject, verb, tense, negation, object=below)
        return self._predicates.simple(subject, tense, negation, lively=lively, asked=asked)

    def _complement(self, depth: int, tense: str, inner: bool) -> Clause:
        if tense == PRESENT and not inner:
            tense = self._chooser.pick((PRESENT, PRESENT, IMPERFECT, FUTURE))
        return self._clause(depth, tense, inner=inner)

    def _subordinate(self, depth: int, tense: str, inner: bool) -> Subordinate:
        conjunction = self._chooser.pick(_CONJUNCTIONS)
        # With the present under a future, a further quand would be told from neither: nothing nests there.
        if conjunction == "if" and (tense == PRESENT or (tense == FUTURE and depth == 0)):
            return Subordinate("if", self._clause(depth, PRESENT, inner=inner))
        conjunction = "because" if conjunction == "if" else conjunction
        return Subordinate(conjunction, self._clause(depth, tense, lively=conjunction != "because", inner=inner))

    def _relative(self, kinds: frozenset[str], depth: int, tense: str, *, indefinite: bool) -> Phrase:
        """A noun phrase with a relative clause, `depth` levels above the deepest one."""
        head = self._phrases.modifiable(kinds, indefinite=indefinite)
        if tense != FUTURE:
            tense = self._chooser.pick((tense, tense, PRESENT))
        gap = Gap(head.noun.gender, head.plural, head.noun.kind)
        through_subject = depth > 0 or (head.noun.kind in LIVING and self._chooser.percent(60))
        if through_subject or not self._predicates.takes(head.noun.kind):
            return replace(head, relative=self._clause(depth, tense, gap, inner=True))
        subject = self._phrases.subject(PEOPLE, negated=True, adjectives=False)
        negation: Negation = "not" if self._chooser.percent(12) else ""
        return replace(
            head, relative=self._predicates.with_gap(subject, tense, frozenset({head.noun.kind}), negation, gap)
        )
