"""English sentences of the embedded grammar: verb groups with do-support, articles, order of words."""

from collections.abc import Sequence

from seqlab.corpus.grammar.clauses import Clause, Gap, Name, Nominal, Pair, Phrase, Pronoun, Sentence, is_plural
from seqlab.corpus.grammar.lexicon import MASS
from seqlab.corpus.grammar.verbs import BE, FUTURE, IMPERFECT, PRESENT, Verb

_NUMBERS = {
    2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten",
    12: "twelve", 20: "twenty", 100: "a hundred",
}  # fmt: skip
_OBJECTS = {"I": "me", "he": "him", "she": "her", "we": "us", "you": "you", "they": "them"}
_POSSESSIVES = {"I": "my", "he": "his", "she": "her", "we": "our", "you": "your", "they": "their"}


def sentence(tree: Sentence) -> str:
    """The English text of a sentence."""
    words = _question(tree) if tree.question else _clause(tree.clause)
    if tree.second:
        words += [",", tree.conjunction, *_clause(tree.second)]
    text = " ".join([*words, "?" if tree.question else "."])
    for mark in (",", ".", "?"):
        text = text.replace(f" {mark}", mark)
    return text[0].upper() + text[1:]


def _question(tree: Sentence) -> list[str]:
    if tree.question == "who":
        return ["who", *_clause(tree.clause)]
    opening = [] if tree.question == "yes-no" else [str(tree.question)]
    return [*opening, *_clause(tree.clause, inverted=True)]


def _clause(clause: Clause, *, inverted: bool = False, subordinate_future: bool = False) -> list[str]:
    tense = PRESENT if subordinate_future and clause.tense == FUTURE else clause.tense
    auxiliary, rest = _verb_group(clause, tense, question=inverted)
    subject = [] if isinstance(clause.subject, Gap) else _nominal(clause.subject, subject=True)
    words = [*auxiliary, *subject, *rest] if inverted else [*subject, *auxiliary, *rest]
    words += _complements(clause)
    if clause.complement:
        words += ["that", *_clause(clause.complement)]
    if not clause.subordinate:
        return words
    conjunction = clause.subordinate.conjunction
    # quand il viendra: when he comes.
    shifted = conjunction in {"when", "while"}
    subordinate = [conjunction, *_clause(clause.subordinate.clause, subordinate_future=shifted)]
    return [*subordinate, ",", *words] if clause.subordinate.fronted else [*words, *subordinate]


def _verb_group(clause: Clause, tense: str, *, question: bool) -> tuple[list[str], list[str]]:
    """The auxiliary, or none, and what follows it (and, in a question, follows the subject)."""
    verb = clause.wish_verb or clause.verb
    infinitive = ["to", clause.verb.english] if clause.wish_verb else []
    auxiliary, lexical = _finite(verb, tense, clause)
    if not auxiliary and (question or clause.negation == "not"):
        auxiliary, lexical = _do(tense, clause.subject), [verb.english]
    return auxiliary, [*clause.negation.split(), *clause.adverb.split(), *lexical, *infinitive]


def _finite(verb: Verb, tense: str, clause: Clause) -> tuple[list[str], list[str]]:
    if tense == FUTURE:
        return ["will"], [verb.english]
    if verb is BE:
        return _be(tense, clause.subject), []
    if tense == PRESENT:
        return [], [verb.third if _is_third(clause.subject) else verb.english]
    if verb.stative:
        return [], [verb.past]
    if clause.negation == "never":
        return [], ["used", "to", verb.english]
    return _be(IMPERFECT, clause.subject), [verb.progressive]


def _is_third(subject: Nominal | Gap) -> bool:
    if isinstance(subject, Pronoun):
        return subject.person in {"he", "she"}
    return not is_plural(subject)


def _be(tense: str, subject: Nominal | Gap) -> list[str]:
    if isinstance(subject, Pronoun) and subject.person == "I":
        return ["am" if tense == PRESENT else "was"]
    if is_plural(subject):
        return ["are" if tense == PRESENT else "were"]
    return ["is" if tense == PRESENT else "was"]


def _do(tense: str, subject: Nominal | Gap) -> list[str]:
    if tense == IMPERFECT:
        return ["did"]
    return ["does" if _is_third(subject) else "do"]


def _complements(clause: Clause) -> list[str]:
    words = [clause.predicate.english] if clause.predicate else []
    if clause.verb.particle:
        words.append(clause.verb.particle)
    if clause.object and not isinstance(clause.object, Gap):
        words += _nominal(clause.object, negated=bool(clause.negation))
    if clause.recipient:
        words += ["to", *_nominal(clause.recipient, negated=bool(clause.negation))]
    if clause.place:
        words += [*clause.place.preposition.split(), *_nominal(clause.place.phrase, negated=bool(clause.negation))]
    return [*words, *clause.time.split()]


def _nominal(what: Nominal, *, subject: bool = False, negated: bool = False) -> list[str]:
    if isinstance(what, Pronoun):
        return [what.person if subject else _OBJECTS[what.person]]
    if isinstance(what, Name):
        return [what.name]
    if isinstance(what, Pair):
        return [*_nominal(what.first, negated=negated), "and", *_nominal(what.second, negated=negated)]
    core = [what.noun.english_plural if what.plural else what.noun.english]
    for adjective in (what.after, what.before):
        if adjective:
            core.insert(0, adjective.english)
    words = _owned(what.owner, core) if what.owner else [*_determiner(what, core[0], negated=negated), *core]
    if what.relative:
        words += [_relative_pronoun(what.relative), *_clause(what.relative)]
    return words


def _relative_pronoun(relative: Clause) -> str:
    return "who" if isinstance(relative.subject, Gap) and relative.subject.human else "that"


def _owned(owner: Phrase | Name, core: Sequence[str]) -> list[str]:
    """Possession: `Paul's hat` for people and animals, `the door of the house` for things."""
    words = _nominal(owner)
    if isinstance(owner, Phrase) and owner.noun.kind in {"inside", "spot", "vehicle"}:
        return ["the", *core, "of", *words]
    plain_s = isinstance(owner, Phrase) and owner.plural and words[-1].endswith("s")
    return [*words[:-1], words[-1] + ("'" if plain_s else "'s"), *core]


def _determiner(phrase: Phrase, following: str, *, negated: bool) -> list[str]:
    kind = phrase.determiner
    if kind == "a":
        if phrase.plural or phrase.noun.kind in MASS:
            return ["any" if negated else "some"]
        return ["an" if following.startswith(tuple("aeiou")) else "a"]
    if kind == "this":
        return ["these" if phrase.plural else "this"]
    if phrase.possessor:
        return [_POSSESSIVES[phrase.possessor]]
    return [_NUMBERS[kind]] if isinstance(kind, int) else [str(kind)]
