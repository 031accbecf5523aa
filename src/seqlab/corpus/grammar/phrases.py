"""Random nominals of the embedded grammar: nouns that fit, and the dependents that fit them."""

from dataclasses import replace

from seqlab.corpus.grammar.chooser import Chooser
from seqlab.corpus.grammar.clauses import (
    Determiner,
    Gap,
    Name,
    Nominal,
    Pair,
    Person,
    Phrase,
    Pronoun,
    gender,
    is_plural,
    kind,
)
from seqlab.corpus.grammar.lexicon import ADJECTIVES, FEMININE, MASS, NAMES, NOUNS, PEOPLE, PLACES, Adjective, Noun

_SUBJECTS: tuple[Person, ...] = ("I", "he", "she", "we", "you", "they")
_POSSESSED = frozenset(
    {
        "relation",
        "contact",
        "parent",
        "animal",
        "text",
        "clothing",
        "thing",
        "vehicle",
        "surface",
        "food",
        "dish",
        "drink",
    }
)
_OWNED = frozenset({"relation", "contact", "animal", "text", "clothing", "thing", "vehicle", "opening"})
_OWNERS = frozenset({"person", "young", "relation", "contact"})
# What has doors and windows.
_BUILT = [noun for noun in NOUNS if noun.english in {"house", "kitchen", "library", "castle", "car", "train"}]
# The more often a word is listed, the more often it is drawn.
_ANY: tuple[Determiner, ...] = ("the",) * 9 + ("a",) * 6 + ("this",) * 2 + ("possessive",) * 4
_COUNTED: tuple[Determiner, ...] = (*_ANY, "every", "several", "many", 2, 3)
_DEFINITE: tuple[Determiner, ...] = ("the",) * 3 + ("this", "possessive")
_MODIFIABLE: tuple[Determiner, ...] = ("the", "the", "a", "this")
_PLAIN: tuple[Determiner, ...] = ("the", "the", "a")
_POINTED: tuple[Determiner, ...] = ("the", "this")
_NUMBERS = (2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 12, 20, 100)


class PhraseSampler:
    """Draws nominals; within one sentence no noun and no name comes twice."""

    def __init__(self, chooser: Chooser) -> None:
        self.chooser = chooser
        self._used: set[str] = set()
        self._nouns: dict[frozenset[str], list[Noun]] = {}
        self._adjectives = {
            (kind, before): [a for a in ADJECTIVES if kind in a.kinds and a.before is before]
            for kind in {noun.kind for noun in NOUNS}
            for before in (True, False)
        }

    def reset(self) -> None:
        """Start a new sentence."""
        self._used.clear()

    def name(self) -> Name:
        """A proper name."""
        while True:
            name, name_gender = self.chooser.pick(NAMES)
            if name not in self._used or len(self._used) > 20:
                self._used.add(name)
                return Name(name, name_gender)

    def pronoun(self) -> Pronoun:
        """A subject pronoun."""
        return Pronoun(self.chooser.pick(_SUBJECTS))

    def noun(self, kinds: frozenset[str]) -> Noun:
        """A noun of one of these classes, not used in this sentence if one can be found."""
        if kinds not in self._nouns:
            self._nouns[kinds] = [noun for noun in NOUNS if noun.kind in kinds]
        noun = self.chooser.pick(self._nouns[kinds])
        for _ in range(8):
            if noun.english not in self._used:
                break
            noun = self.chooser.pick(self._nouns[kinds])
        self._used.add(noun.english)
        return noun

    def subject(self, kinds: frozenset[str], *, negated: bool, adjectives: bool = True) -> Nominal:
        """A subject; names, pronouns and pairs only where people are among `kinds`."""
        draw = self.chooser.below(100)
        if not kinds & PEOPLE or draw >= 50:
            return self.phrase(kinds, countable=not negated, adjectives=adjectives)
        if draw < 22:
            return self.pronoun()
        return self.name() if draw < 42 else self.pair(kinds & PEOPLE)

    def pair(self, kinds: frozenset[str]) -> Pair:
        """Two nominals joined by `and`."""
        first = self.name() if self.chooser.percent(50) and kinds <= PEOPLE else self._plain(kinds)
        return Pair(first, self._plain(kinds))

    def _plain(self, kinds: frozenset[str]) -> Phrase:
        return Phrase(self.noun(kinds), self.chooser.pick(_PLAIN))

    def phrase(
        self,
        kinds: frozenset[str],
        *,
        holder: Nominal | Gap | None = None,
        countable: bool = False,
        definite: bool = False,
        adjectives: bool = True,
    ) -> Phrase:
        """A noun phrase.

        Args:
            kinds: classes of its noun.
            holder: the subject of the clause, which a possessive then refers to; none where it is the subject itself.
            countable: whether `every`, `several`, `many` and numbers suit (not under a negation).
            definite: whether it must be definite (after `love`: `aimer du pain` is wrong).
            adjectives: whether it may have adjectives.
        """
        noun = self.noun(kinds)
        possessor = self._possessor(holder)
        determiner = self.chooser.pick(_DEFINITE if definite else _COUNTED if countable else _ANY)
        if determiner == "every" and holder is not None:
            determiner = "many"
        if determiner == "possessive" and (noun.kind not in _POSSESSED or possessor is None):
            determiner = "the"
        if noun.kind in MASS and determiner not in {"the", "a", "this", "possessive"}:
            determiner = "a"
        if isinstance(determiner, int):
            determiner = self.chooser.pick(_NUMBERS)
        return Phrase(
            noun,
            determiner,
            self._plural(noun, determiner),
            possessor if determiner == "possessive" else None,
            self._adjective(noun, before=True, chance=25 if adjectives else 0),
            self._adjective(noun, before=False, chance=20 if adjectives else 0),
            self._owner(noun) if determiner == "the" and self.chooser.percent(18) else None,
        )

    def modifiable(self, kinds: frozenset[str], *, indefinite: bool) -> Phrase:
        """A noun phrase that a restrictive relative clause may follow."""
        noun = self.noun(kinds - MASS)
        determiner = self.chooser.pick(_MODIFIABLE if indefinite else _POINTED)
        return Phrase(
            noun,
            determiner,
            self._plural(noun, determiner),
            before=self._adjective(noun, before=True, chance=20),
            after=self._adjective(noun, before=False, chance=10),
        )

    def place(self, kinds: frozenset[str], *, definite: bool) -> Phrase:
        """The noun phrase of a prepositional phrase of place."""
        noun = self.noun(kinds)
        determiner: Determiner = "the" if definite else self.chooser.pick(_MODIFIABLE)
        return Phrase(noun, determiner, before=self._adjective(noun, before=True, chance=20))

    def person(self, holder: Nominal | Gap) -> Phrase | Name:
        """Whom something is given or shown to."""
        if self.chooser.percent(40):
            return self.name()
        return self.phrase(PEOPLE, holder=holder, definite=True)

    def _possessor(self, holder: Nominal | Gap | None) -> Person | None:
        if holder is None:
            return self.chooser.pick(("I", "we", "you", "they"))
        if isinstance(holder, Pronoun):
            return holder.person
        if kind(holder) not in PEOPLE:
            return None
        if is_plural(holder):
            return "they"
        return "she" if gender(holder) == FEMININE else "he"

    def _plural(self, noun: Noun, determiner: Determiner) -> bool:
        if noun.kind in MASS or determiner == "every":
            return False
        if isinstance(determiner, int) or determiner in {"several", "many"}:
            return True
        if determiner == "possessive" and noun.kind == "parent":
            return False
        return self.chooser.percent(15 if noun.kind in PLACES else 33)

    def _adjective(self, noun: Noun, *, before: bool, chance: int) -> Adjective | None:
        options = self._adjectives[noun.kind, before]
        return self.chooser.pick(options) if options and self.chooser.percent(chance) else None

    def _owner(self, noun: Noun) -> Phrase | Name | None:
        if noun.kind not in _OWNED or noun.english == "box":
            return None
        if noun.kind == "opening":
            return Phrase(self.chooser.pick(_BUILT), self.chooser.pick(_POINTED))
        if self.chooser.percent(50):
            return self.name()
        return Phrase(self.noun(_OWNERS), "the", self.chooser.percent(30))


def definite(nominal: Nominal | Gap) -> Nominal | Gap:
    """The nominal with `the` for `a`, as the subject of a state or of a negated verb."""
    if isinstance(nominal, Pair):
        return Pair(_definite(nominal.first), _definite(nominal.second))
    return nominal if isinstance(nominal, Gap | Pronoun) else _definite(nominal)


def _definite(nominal: Phrase | Name) -> Phrase | Name:
    return replace(nominal, determiner="the") if isinstance(nominal, Phrase) and nominal.determiner == "a" else nominal
