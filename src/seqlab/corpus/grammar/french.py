"""French: agreement, elision and contraction (Grevisse, Le Bon Usage)."""

from collections.abc import Sequence

from seqlab.corpus.grammar.clauses import Determiner, Name, Nominal, Pair, Person, Phrase, Pronoun
from seqlab.corpus.grammar.lexicon import FEMININE, MASS, Adjective

NUMBERS = {
    2: "deux", 3: "trois", 4: "quatre", 5: "cinq", 6: "six", 7: "sept", 8: "huit", 9: "neuf", 10: "dix",
    12: "douze", 20: "vingt", 100: "cent",
}  # fmt: skip
PERSONS: tuple[Person, ...] = ("I", "he", "we", "you", "they")
SUBJECTS = {"I": "je", "he": "il", "she": "elle", "we": "nous", "you": "vous", "they": "ils"}
CLITICS = {"I": "me", "he": "le", "she": "la", "we": "nous", "you": "vous", "they": "les"}
STRESSED = {"I": "moi", "he": "lui", "she": "elle", "we": "nous", "you": "vous", "they": "eux"}
# Masculine, feminine, plural.
POSSESSIVES = {
    "I": ("mon", "ma", "mes"), "he": ("son", "sa", "ses"), "she": ("son", "sa", "ses"),
    "we": ("notre", "notre", "nos"), "you": ("votre", "votre", "vos"), "they": ("leur", "leur", "leurs"),
}  # fmt: skip

# No elision before an aspirated h, nor before huit.
_ASPIRATED = ("héros", "hibou", "haricot", "huit")
_VOWELS = tuple("aàâeéèêiîoôuûœ")
_ELIDED = {word: word[:-1] + "'" for word in ("le", "la", "de", "que", "ne", "je", "me")}
_CONTRACTED = {("de", "le"): "du", ("de", "les"): "des", ("à", "le"): "au", ("à", "les"): "aux"}


def starts_with_vowel(word: str) -> bool:
    """Whether a word starts with a vowel sound, so that le, de, que … lose their vowel before it."""
    lowered = word.lower()
    return lowered.startswith(_VOWELS) or (lowered.startswith("h") and not lowered.startswith(_ASPIRATED))


def join(words: Sequence[str]) -> str:
    """Elide and contract the words of a sentence and set them as text, with the capital and the final mark.

    A plain space stands before the question mark: subword tokenizers normalise a no-break space to it.
    """
    merged = _contract(words)
    text = ""
    for word, following in zip(merged, [*merged[1:], ""], strict=True):
        text += _elide(word, following)
        if not text.endswith("'") and following not in {"", ",", "."}:
            text += " "
    return text[0].upper() + text[1:]


def _contract(words: Sequence[str]) -> list[str]:
    merged: list[str] = []
    for position, word in enumerate(words):
        pair = (merged[-1] if merged else "", word)
        following = words[position + 1] if position + 1 < len(words) else ""
        if pair in _CONTRACTED and not (word == "le" and starts_with_vowel(following)):
            merged[-1] = _CONTRACTED[pair]
        else:
            merged.append(word)
    return merged


def _elide(word: str, following: str) -> str:
    if word == "si":
        return "s'" if following in {"il", "ils"} else word
    return _ELIDED[word] if word in _ELIDED and starts_with_vowel(following) else word


def agree(adjective: Adjective, gender: str, plural: bool, following: str = "") -> str:
    """The form of an adjective; `following` is the word after it, before which beau becomes bel."""
    if gender == FEMININE:
        return adjective.feminine_plural if plural else adjective.feminine
    if plural:
        return adjective.masculine_plural
    return adjective.prevocalic if following and starts_with_vowel(following) else adjective.masculine


def nominal(what: Nominal, *, negated: bool = False, after_de: bool = False) -> list[str]:
    """The words of a subject, an object or a complement, without its relative clause.

    Args:
        what: the nominal; a pronoun is given in its stressed form (`avec lui`).
        negated: it is the direct object of a negated verb: un, des and du become de.
        after_de: the word before is de, which swallows des and du.
    """
    if isinstance(what, Pronoun):
        return [STRESSED[what.person]]
    if isinstance(what, Name):
        return [what.name]
    if isinstance(what, Pair):
        return [*nominal(what.first, negated=negated, after_de=after_de), "et", *nominal(what.second, negated=negated)]
    core = [what.noun.french_plural if what.plural else what.noun.french]
    if what.before:
        core.insert(0, agree(what.before, what.noun.gender, what.plural, core[0]))
    words = [*_determiner(what, core[0], negated=negated, after_de=after_de), *core]
    if what.after:
        words.append(agree(what.after, what.noun.gender, what.plural))
    if what.owner:
        words += ["de", *nominal(what.owner, after_de=True)]
    return words


def _determiner(phrase: Phrase, following: str, *, negated: bool, after_de: bool) -> list[str]:
    if phrase.determiner == "a":
        return _indefinite(phrase, negated=negated, after_de=after_de)
    feminine = phrase.noun.gender == FEMININE
    if phrase.determiner == "the":
        forms = ("le", "la", "les")
    elif phrase.determiner == "this":
        forms = ("cet" if starts_with_vowel(following) else "ce", "cette", "ces")
    elif phrase.possessor:
        forms = POSSESSIVES[phrase.possessor]
        # mon assiette: the masculine form before a vowel.
        feminine = feminine and not starts_with_vowel(following)
    else:
        return _quantity(phrase.determiner)
    return [forms[2] if phrase.plural else forms[1] if feminine else forms[0]]


def _quantity(kind: Determiner) -> list[str]:
    if isinstance(kind, int):
        return [NUMBERS[kind]]
    return {"every": ["chaque"], "several": ["plusieurs"], "many": ["beaucoup", "de"]}[kind]


def _indefinite(phrase: Phrase, *, negated: bool, after_de: bool) -> list[str]:
    feminine, mass = phrase.noun.gender == FEMININE, phrase.noun.kind in MASS
    if (phrase.plural or mass) and after_de:
        return []
    if negated:
        return ["de"]
    if phrase.plural:
        # de grandes maisons: des before a preceding adjective is familiar.
        return ["de"] if phrase.before else ["des"]
    if mass:
        return ["de", "la" if feminine else "le"]
    return ["une" if feminine else "un"]
