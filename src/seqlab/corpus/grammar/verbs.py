"""Verbs of the embedded grammar: their forms, and what may be their subject and object."""

from dataclasses import dataclass

from seqlab.corpus.grammar.lexicon import ANIMALS, GOODS, PEOPLE, PLACES

PRESENT, IMPERFECT, FUTURE = "present", "imperfect", "future"
TENSES = (PRESENT, IMPERFECT, FUTURE)

_IMPERFECT_ENDINGS = ("ais", "ait", "ions", "iez", "aient")
_FUTURE_ENDINGS = ("ai", "a", "ons", "ez", "ont")


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb. French forms are for je, il, nous, vous, ils, in this order.

    A stative verb has no progressive in English: its imparfait is `loved`, not `was loving`.
    `particle` is the English preposition before the object (`look at`), `preposition` the French one (`parler à`).
    """

    english: str
    third: str
    past: str
    progressive: str
    particle: str
    infinitive: str
    forms: dict[str, tuple[str, ...]]
    preposition: str
    subjects: frozenset[str]
    objects: frozenset[str]
    stative: bool


def _forms(present: str, imperfect: str, future: str) -> dict[str, tuple[str, ...]]:
    # mangeait, but mangions: the e only softens the g before a.
    before_i = imperfect[:-1] if imperfect.endswith("ge") else imperfect
    return {
        PRESENT: tuple(present.split()),
        IMPERFECT: tuple((before_i if end[0] == "i" else imperfect) + end for end in _IMPERFECT_ENDINGS),
        FUTURE: tuple(future + end for end in _FUTURE_ENDINGS),
    }


def _first_group(infinitive: str) -> dict[str, tuple[str, ...]]:
    stem = infinitive[:-2]
    soft = stem + "e" if stem.endswith("g") else stem
    return _forms(f"{stem}e {stem}e {soft}ons {stem}ez {stem}ent", soft, infinitive)


def _verb(
    english: str,
    french: str,
    subjects: frozenset[str],
    objects: frozenset[str] = frozenset(),
    irregular: str = "",
    stative: bool = False,
) -> Verb:
    """`english`: "base third past progressive [particle]", past "-" where the progressive is used; `irregular`: five
    present forms, the stem of the imparfait, the stem of the futur; `french`: "infinitive [preposition]"."""
    base, third, past, progressive, *particle = english.split()
    infinitive, *preposition = french.split()
    *present, imperfect, future = irregular.split() if irregular else ("", "", "")
    forms = _forms(" ".join(present), imperfect, future) if irregular else _first_group(infinitive)
    return Verb(
        base,
        third,
        past,
        progressive,
        particle[0] if particle else "",
        infinitive,
        forms,
        preposition[0] if preposition else "",
        subjects,
        objects,
        stative,
    )


_LIVING = PEOPLE | ANIMALS
_SEEN = _LIVING | PLACES | {"text", "clothing", "thing", "surface", "vehicle", "opening"}

INTRANSITIVE = (
    _verb("sing sings - singing", "chanter", PEOPLE),
    _verb("work works - working", "travailler", PEOPLE),
    _verb("sleep sleeps - sleeping", "dormir", _LIVING, irregular="dors dort dormons dormez dorment dorm dormir"),
    _verb("laugh laughs - laughing", "rire", PEOPLE, irregular="ris rit rions riez rient ri rir"),
    _verb("run runs - running", "courir", _LIVING, irregular="cours court courons courez courent cour courr"),
)

TRANSITIVE = (
    _verb("eat eats - eating", "manger", PEOPLE, frozenset({"food", "dish"})),
    _verb("drink drinks - drinking", "boire", PEOPLE, frozenset({"drink"}), "bois boit buvons buvez boivent buv boir"),
    _verb("read reads - reading", "lire", PEOPLE, frozenset({"text"}), "lis lit lisons lisez lisent lis lir"),
    _verb(
        "write writes - writing",
        "écrire",
        PEOPLE,
        frozenset({"text"}),
        "écris écrit écrivons écrivez écrivent écriv écrir",
    ),
    _verb("buy buys - buying", "acheter", PEOPLE, GOODS, "achète achète achetons achetez achètent achet achèter"),
    _verb("see sees saw seeing", "voir", _LIVING, _SEEN, "vois voit voyons voyez voient voy verr", stative=True),
    _verb("look looks - looking at", "regarder", _LIVING, _SEEN),
    _verb("look looks - looking for", "chercher", _LIVING, _SEEN - {"nature", "inside"}),
    _verb("love loves loved loving", "aimer", PEOPLE, _SEEN, stative=True),
    _verb(
        "know knows knew knowing",
        "connaître",
        PEOPLE,
        PEOPLE | PLACES | {"text"},
        "connais connaît connaissons connaissez connaissent connaiss connaîtr",
        stative=True,
    ),
    _verb("wear wears - wearing", "porter", PEOPLE, frozenset({"clothing"})),
    _verb(
        "open opens - opening",
        "ouvrir",
        PEOPLE,
        frozenset({"opening"}),
        "ouvre ouvre ouvrons ouvrez ouvrent ouvr ouvrir",
    ),
    _verb("close closes - closing", "fermer", PEOPLE, frozenset({"opening"})),
    _verb("wash washes - washing", "laver", PEOPLE, frozenset({"clothing", "vehicle", "surface"})),
    _verb("help helps - helping", "aider", PEOPLE, PEOPLE),
    _verb("follow follows - following", "suivre", _LIVING, _LIVING, "suis suit suivons suivez suivent suiv suivr"),
    _verb(
        "wait waits - waiting for",
        "attendre",
        PEOPLE,
        PEOPLE | {"vehicle"},
        "attends attend attendons attendez attendent attend attendr",
    ),
    _verb("speak speaks - speaking to", "parler à", PEOPLE, PEOPLE),
    _verb("play plays - playing with", "jouer avec", PEOPLE, _LIVING),
)

DITRANSITIVE = (
    _verb("give gives - giving", "donner", PEOPLE, GOODS - {"vehicle"}),
    _verb("show shows - showing", "montrer", PEOPLE, frozenset({"text", "clothing", "thing", "animal"})),
)

BE = _verb("be is was being", "être", frozenset(), irregular="suis est sommes êtes sont ét ser", stative=True)
WANT = _verb(
    "want wants wanted wanting",
    "vouloir",
    PEOPLE,
    irregular="veux veut voulons voulez veulent voul voudr",
    stative=True,
)

THINK = _verb("think thinks thought thinking", "penser", PEOPLE, stative=True)
BELIEVE = _verb(
    "believe believes believed believing",
    "croire",
    PEOPLE,
    irregular="crois croit croyons croyez croient croy croir",
    stative=True,
)
SAY = _verb("say says said saying", "dire", PEOPLE, irregular="dis dit disons dites disent dis dir", stative=True)
KNOW = _verb(
    "know knows knew knowing", "savoir", PEOPLE, irregular="sais sait savons savez savent sav saur", stative=True
)
# Affirmative only: `ne pense pas que` would call for the subjunctive.
DECLARATIVE = (THINK, BELIEVE, SAY, KNOW)
