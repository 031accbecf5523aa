"""French clauses: the order of words, negation, clitics, subordination and questions."""

from seqlab.corpus.grammar import french
from seqlab.corpus.grammar.clauses import (
    Clause,
    Gap,
    Nominal,
    Pair,
    Person,
    Phrase,
    Pronoun,
    Sentence,
    gender,
    is_plural,
)

NEGATIONS = {"not": "pas", "never": "jamais", "no longer": "plus"}
ADVERBS = {"often": "souvent", "sometimes": "parfois", "rarely": "rarement"}
TIMES = {
    "every day": "tous les jours", "today": "aujourd'hui", "tomorrow": "demain", "in the morning": "le matin",
    "in the evening": "le soir", "that day": "ce jour-là", "that evening": "ce soir-là",
    "next week": "la semaine prochaine",
}  # fmt: skip
PLACES = {
    "in": ("dans",), "at": ("à",), "on": ("sur",), "under": ("sous",), "near": ("près", "de"),
    "behind": ("derrière",), "in front of": ("devant",), "next to": ("à côté", "de"),
}  # fmt: skip
CONJUNCTIONS = {"because": ("parce", "que"), "when": ("quand",), "while": ("pendant", "que"), "if": ("si",)}
COORDINATIONS = {"and": "et", "but": "mais"}
_WHERE = {"where": "où", "why": "pourquoi", "when": "quand"}


def sentence(tree: Sentence) -> str:
    """The French text of a sentence.

    A question inverts a pronoun subject, other than je (`chante-t-il ?`), and puts est-ce que before any other.
    """
    words = _question(tree) if tree.question else _clause(tree.clause)
    if tree.second:
        words += [",", COORDINATIONS[tree.conjunction], *_clause(tree.second)]
    return french.join([*words, "?" if tree.question else "."])


def _question(tree: Sentence) -> list[str]:
    clause = tree.clause
    if tree.question == "who":
        return ["qui", *_clause(clause)]
    inverted = isinstance(clause.subject, Pronoun) and clause.subject.person != "I"
    if tree.question == "what":
        opening = ["que"] if inverted else ["qu'est-ce"]
    else:
        opening = [_WHERE[tree.question]] if tree.question in _WHERE else []
        opening += [] if inverted else ["est-ce"]
    return [*opening, *([] if inverted else ["que"]), *_clause(clause, inverted=inverted)]


def _clause(clause: Clause, *, inverted: bool = False) -> list[str]:
    words = [] if inverted else _subject(clause.subject)
    words += [*_verb_group(clause, inverted=inverted), *_complements(clause)]
    if clause.complement:
        words += ["que", *_clause(clause.complement)]
    if not clause.subordinate:
        return words
    subordinate = [*CONJUNCTIONS[clause.subordinate.conjunction], *_clause(clause.subordinate.clause)]
    return [*subordinate, ",", *words] if clause.subordinate.fronted else [*words, *subordinate]


def _subject(subject: Nominal | Gap) -> list[str]:
    if isinstance(subject, Gap):
        return []
    if isinstance(subject, Pronoun):
        return [french.SUBJECTS[subject.person]]
    return _full(subject)


def _full(what: Nominal, *, negated: bool = False, after_de: bool = False) -> list[str]:
    words = french.nominal(what, negated=negated, after_de=after_de)
    if isinstance(what, Phrase) and what.relative:
        words += ["qui" if isinstance(what.relative.subject, Gap) else "que", *_clause(what.relative)]
    return words


def _person(subject: Nominal | Gap) -> Person:
    if isinstance(subject, Pronoun):
        return "he" if subject.person == "she" else subject.person
    return "they" if is_plural(subject) else "he"


def _verb_group(clause: Clause, *, inverted: bool) -> list[str]:
    verb = clause.wish_verb or clause.verb
    finite = verb.forms[clause.tense][french.PERSONS.index(_person(clause.subject))]
    if inverted and isinstance(clause.subject, Pronoun):
        finite = _invert(finite, clause.subject.person)
    clitic = _clitic(clause)
    words = ["ne"] if clause.negation else []
    words += [] if clause.wish_verb else clitic
    words.append(finite)
    if clause.negation:
        words.append(NEGATIONS[clause.negation])
    if clause.adverb:
        words.append(ADVERBS[clause.adverb])
    return [*words, *clitic, clause.verb.infinitive] if clause.wish_verb else words


def _invert(finite: str, person: Person) -> str:
    euphonic = "t-" if person in {"he", "she"} and finite.endswith(("a", "e")) else ""
    return f"{finite}-{euphonic}{french.SUBJECTS[person]}"


def _clitic(clause: Clause) -> list[str]:
    if not isinstance(clause.object, Pronoun) or clause.verb.preposition:
        return []
    return [french.CLITICS[clause.object.person]]


def _complements(clause: Clause) -> list[str]:
    words = []
    if clause.predicate:
        words.append(french.agree(clause.predicate, gender(clause.subject), is_plural(clause.subject)))
    words += _object(clause)
    if clause.recipient:
        words += ["à", *_full(clause.recipient)]
    if clause.place:
        preposition = PLACES[clause.place.preposition]
        words += [*preposition, *_full(clause.place.phrase, after_de=preposition[-1] == "de")]
    if clause.time:
        words += TIMES[clause.time].split()
    return words


def _object(clause: Clause) -> list[str]:
    what, preposition = clause.object, clause.verb.preposition
    if what is None or isinstance(what, Gap):
        return []
    if preposition:
        return _prepositional(preposition, what)
    if isinstance(what, Pronoun):
        return []
    return _full(what, negated=bool(clause.negation))


def _prepositional(preposition: str, what: Nominal) -> list[str]:
    if isinstance(what, Pair) and preposition == "à":
        # à is repeated before each member: à Paul et à Marie.
        return ["à", *_full(what.first), "et", "à", *_full(what.second)]
    return [preposition, *_full(what)]
