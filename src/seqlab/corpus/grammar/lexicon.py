"""Nouns, names and adjectives of the embedded grammar, with the semantic class that keeps sentences plausible."""

from dataclasses import dataclass

MASCULINE, FEMININE = "m", "f"

# Semantic classes of nouns: verbs and adjectives say which they go with.
PEOPLE = frozenset({"person", "young", "relation", "contact", "parent"})
ANIMALS = frozenset({"animal"})
MASS = frozenset({"dish", "drink"})  # uncountable
GOODS = frozenset({"food", "dish", "drink", "text", "clothing", "thing", "vehicle"})
PLACES = frozenset({"inside", "spot", "nature"})


@dataclass(frozen=True, slots=True)
class Noun:
    """A common noun: singular and plural on both sides, French gender, semantic class."""

    english: str
    english_plural: str
    french: str
    french_plural: str
    gender: str
    kind: str


@dataclass(frozen=True, slots=True)
class Adjective:
    """An adjective: French masculine, feminine, their plurals, and the masculine singular before a vowel."""

    english: str
    masculine: str
    feminine: str
    masculine_plural: str
    feminine_plural: str
    prevocalic: str
    before: bool
    kinds: frozenset[str]

    @property
    def epicene(self) -> bool:
        """Whether both genders read alike, so that it suits `je` and `nous`, whose gender English does not tell."""
        return self.masculine == self.feminine


def _english_plural(noun: str) -> str:
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def _french_plural(word: str) -> str:
    if word.endswith(("s", "x", "z")):
        return word
    if word.endswith("eau"):
        return word + "x"
    if word.endswith("al"):
        return word[:-1] + "ux"
    return word + "s"


_IRREGULAR = {
    "man": "men", "woman": "women", "child": "children", "mouse": "mice", "knife": "knives", "shelf": "shelves",
    "hero": "heroes", "hibou": "hiboux",
}  # fmt: skip

# kind: "english french gender" …, an underscore for a space inside a word.
_NOUNS = {
    "person": "man homme m, woman femme f, queen reine f, baker boulanger m, "
    "actor acteur m, actress actrice f, engineer ingénieur m, hero héros m, student étudiant m",
    "young": "boy garçon m, girl fille f, child enfant m",
    "relation": "brother frère m, sister sœur f, uncle oncle m, aunt tante f",
    "contact": "friend ami m, neighbour voisin m, doctor médecin m, teacher professeur m",
    "parent": "father père m, mother mère f",
    "animal": "cat chat m, dog chien m, horse cheval m, bird oiseau m, mouse souris f, cow vache f, "
    "owl hibou m, duck canard m",
    "food": "apple pomme f, orange orange f, cake gâteau m, egg œuf m, carrot carotte f, bean haricot m",
    "dish": "bread pain m, meat viande f, cheese fromage m",
    "drink": "coffee café m, tea thé m, milk lait m, water eau f",
    "text": "book livre m, letter lettre f, newspaper journal m, story histoire f, poem poème m, article article m",
    "clothing": "hat chapeau m, dress robe f, shirt chemise f, coat manteau m",
    "thing": "chair chaise f, key clé f, lamp lampe f, computer ordinateur m, umbrella parapluie m, knife couteau m, "
    "plate assiette f, bag sac m",
    "surface": "table table f, bed lit m, shelf étagère f",
    "vehicle": "car voiture f, train train m, plane avion m, boat bateau m, bicycle vélo m",
    "opening": "door porte f, window fenêtre f, box boîte f",
    "inside": "garden jardin m, kitchen cuisine f, park parc m, house maison f, forest forêt f, "
    "library bibliothèque f, castle château m, hospital hôpital m",
    "spot": "market marché m, station gare f, restaurant restaurant m, school école f, hotel hôtel m, "
    "airport aéroport m",
    "nature": "river rivière f, lake lac m, mountain montagne f, tree arbre m",
}

NAMES = (
    ("Paul", MASCULINE), ("Antoine", MASCULINE), ("Marc", MASCULINE), ("Oscar", MASCULINE), ("Lucas", MASCULINE),
    ("Marie", FEMININE), ("Alice", FEMININE), ("Emma", FEMININE), ("Julie", FEMININE), ("Sarah", FEMININE),
)  # fmt: skip

_BUILT = "vehicle inside spot"
_WORN = "clothing thing vehicle"
# english, masculine, feminine (and the form before a vowel): the classes they go with. Before the noun:
_BEFORE = {
    "small petit petite": f"person young animal food thing surface opening nature {_BUILT} clothing",
    "big grand grande": f"animal thing surface opening nature {_BUILT}",
    "beautiful beau belle bel": f"animal text nature {_BUILT} clothing thing",
    "new nouveau nouvelle nouvel": f"contact text surface opening {_BUILT} clothing thing",
    "old vieux vieille vieil": f"person relation contact animal text surface opening nature {_BUILT} clothing thing",
    "young jeune jeune": "person contact animal",
    "pretty joli jolie": f"animal surface opening nature {_BUILT} clothing thing",
    "good bon bonne": "food dish drink text",
    "bad mauvais mauvaise": "food dish drink text",
}
# After the noun:
_AFTER = {
    "red rouge rouge": f"{_WORN} opening surface",
    "black noir noire": f"{_WORN} opening surface animal",
    "white blanc blanche": f"{_WORN} opening surface animal",
    "green vert verte": f"{_WORN} opening surface",
    "blue bleu bleue": f"{_WORN} opening surface",
    "intelligent intelligent intelligente": "person young relation contact parent animal",
    "happy heureux heureuse": "person young relation contact parent",
    "sad triste triste": "person young relation contact parent animal",
    "tired fatigué fatiguée": "person young relation contact parent animal",
    "famous célèbre célèbre": "person contact text nature inside spot",
    "rich riche riche": "person young relation contact parent",
    "calm calme calme": "person young relation contact parent animal nature",
    "interesting intéressant intéressante": "person contact text",
    "expensive cher chère": f"food dish {_WORN}",
    "fast rapide rapide": "vehicle animal",
    "dangerous dangereux dangereuse": "animal nature vehicle",
    "dirty sale sale": f"{_WORN} opening surface",
    "modern moderne moderne": f"{_BUILT} opening",
}


def _nouns() -> tuple[Noun, ...]:
    nouns = []
    for kind, table in _NOUNS.items():
        for entry in table.split(", "):
            english, french, gender = entry.split()
            english_plural = _IRREGULAR.get(english) or _english_plural(english)
            french_plural = _IRREGULAR.get(french) or _french_plural(french)
            nouns.append(Noun(english, english_plural, french, french_plural, gender, kind))
    return tuple(nouns)


def _adjectives() -> tuple[Adjective, ...]:
    adjectives = []
    for table, before in ((_BEFORE, True), (_AFTER, False)):
        for forms, kinds in table.items():
            english, masculine, feminine, *prevocalic = forms.split()
            adjectives.append(
                Adjective(
                    english,
                    masculine,
                    feminine,
                    _french_plural(masculine),
                    _french_plural(feminine),
                    prevocalic[0] if prevocalic else masculine,
                    before,
                    frozenset(kinds.split()),
                )
            )
    return tuple(adjectives)


NOUNS = _nouns()
ADJECTIVES = _adjectives()
