"""Noun phrases on both sides, against sentences written by hand."""

import pytest

from seqlab.corpus.grammar import english, french_clause
from seqlab.corpus.grammar.clauses import (
    Clause,
    Pair,
    Place,
    Sentence,
)
from seqlab.corpus.grammar.verbs import (
    FUTURE,
    IMPERFECT,
)
from tests.corpus.trees import ALICE, ELLE, IL, ILS, JE, PAUL, be, clause, the

TABLE: list[tuple[Clause, str, str]] = [
    # Articles, elision and contraction.
    (clause(the("man"), "dormir"), "The man sleeps.", "L'homme dort."),
    (clause(the("hero"), "dormir"), "The hero sleeps.", "Le héros dort."),
    (clause(the("hero", plural=True), "dormir"), "The heroes sleep.", "Les héros dorment."),
    (clause(the("woman", plural=True), "rire"), "The women laugh.", "Les femmes rient."),
    (clause(JE, "aimer", the("dog")), "I love the dog.", "J'aime le chien."),
    (clause(JE, "parler", the("neighbour")), "I speak to the neighbour.", "Je parle au voisin."),
    (clause(JE, "parler", the("woman")), "I speak to the woman.", "Je parle à la femme."),
    (clause(JE, "parler", the("man")), "I speak to the man.", "Je parle à l'homme."),
    (clause(JE, "parler", the("hero")), "I speak to the hero.", "Je parle au héros."),
    (clause(JE, "parler", the("man", plural=True)), "I speak to the men.", "Je parle aux hommes."),
    (
        clause(JE, "parler", Pair(PAUL, the("uncle", "possessive", possessor="I"))),
        "I speak to Paul and my uncle.",
        "Je parle à Paul et à mon oncle.",
    ),
    (
        clause(ELLE, "chercher", the("cat", owner=the("neighbour"))),
        "She looks for the neighbour's cat.",
        "Elle cherche le chat du voisin.",
    ),
    (
        clause(ELLE, "chercher", the("cat", owner=the("neighbour", plural=True))),
        "She looks for the neighbours' cat.",
        "Elle cherche le chat des voisins.",
    ),
    (
        clause(ELLE, "chercher", the("cat", owner=the("man", plural=True))),
        "She looks for the men's cat.",
        "Elle cherche le chat des hommes.",
    ),
    (
        clause(ELLE, "chercher", the("cat", owner=ALICE)),
        "She looks for Alice's cat.",
        "Elle cherche le chat d'Alice.",
    ),
    (
        clause(PAUL, "ouvrir", the("door", owner=the("castle"))),
        "Paul opens the door of the castle.",
        "Paul ouvre la porte du château.",
    ),
    # Indefinites, and what becomes of them under a negation and after de.
    (clause(PAUL, "lire", the("book", "a", plural=True)), "Paul reads some books.", "Paul lit des livres."),
    (
        clause(PAUL, "lire", the("book", "a", plural=True, before="good")),
        "Paul reads some good books.",
        "Paul lit de bons livres.",
    ),
    (
        clause(PAUL, "lire", the("book", "a", plural=True), negation="not"),
        "Paul does not read any books.",
        "Paul ne lit pas de livres.",
    ),
    (
        clause(PAUL, "manger", the("orange", "a"), negation="never"),
        "Paul never eats an orange.",
        "Paul ne mange jamais d'orange.",
    ),
    (clause(PAUL, "boire", the("water", "a")), "Paul drinks some water.", "Paul boit de l'eau."),
    (clause(PAUL, "boire", the("coffee", "a")), "Paul drinks some coffee.", "Paul boit du café."),
    (clause(PAUL, "manger", the("meat", "a")), "Paul eats some meat.", "Paul mange de la viande."),
    (
        clause(PAUL, "boire", the("coffee", "a"), negation="no longer"),
        "Paul no longer drinks any coffee.",
        "Paul ne boit plus de café.",
    ),
    (clause(PAUL, "lire", the("book"), negation="not"), "Paul does not read the book.", "Paul ne lit pas le livre."),
    (
        clause(PAUL, "dormir", place=Place("near", the("tree", "a", plural=True))),
        "Paul sleeps near some trees.",
        "Paul dort près d'arbres.",
    ),
    (
        clause(PAUL, "dormir", place=Place("next to", the("lake"))),
        "Paul sleeps next to the lake.",
        "Paul dort à côté du lac.",
    ),
    (
        clause(PAUL, "être", place=Place("at", the("hotel"))),
        "Paul is at the hotel.",
        "Paul est à l'hôtel.",
    ),
    # Adjectives.
    (
        clause(IL, "voir", the("hotel", "a", before="old")),
        "He sees an old hotel.",
        "Il voit un vieil hôtel.",
    ),
    (
        clause(IL, "voir", the("tree", "this", before="beautiful")),
        "He sees this beautiful tree.",
        "Il voit ce bel arbre.",
    ),
    (clause(IL, "voir", the("tree", "this")), "He sees this tree.", "Il voit cet arbre."),
    (
        clause(IL, "acheter", the("computer", "a", before="new", after="black")),
        "He buys a new black computer.",
        "Il achète un nouvel ordinateur noir.",
    ),
    (
        clause(IL, "voir", the("owl", "a", before="old")),
        "He sees an old owl.",
        "Il voit un vieux hibou.",
    ),
    (
        clause(IL, "acheter", the("car", "a", before="small", after="white")),
        "He buys a small white car.",
        "Il achète une petite voiture blanche.",
    ),
    (
        be(Pair(PAUL, ALICE), "happy"),
        "Paul and Alice are happy.",
        "Paul et Alice sont heureux.",
    ),
    (
        be(Pair(ALICE, the("queen")), "happy"),
        "Alice and the queen are happy.",
        "Alice et la reine sont heureuses.",
    ),
    (
        be(the("newspaper", plural=True), "old", negation="no longer", tense=IMPERFECT),
        "The newspapers were no longer old.",
        "Les journaux n'étaient plus vieux.",
    ),
    # Possessives and numbers.
    (
        clause(JE, "chercher", the("plate", "possessive", possessor="I")),
        "I look for my plate.",
        "Je cherche mon assiette.",
    ),
    (
        clause(JE, "chercher", the("plate", "possessive", possessor="I", before="pretty")),
        "I look for my pretty plate.",
        "Je cherche ma jolie assiette.",
    ),
    (
        clause(ALICE, "chercher", the("dog", "possessive", possessor="she", plural=True)),
        "Alice looks for her dogs.",
        "Alice cherche ses chiens.",
    ),
    (
        clause(ILS, "lire", the("letter", "possessive", possessor="they")),
        "They read their letter.",
        "Ils lisent leur lettre.",
    ),
    (
        clause(the("horse", 8, plural=True), "courir", tense=FUTURE),
        "Eight horses will run.",
        "Huit chevaux courront.",
    ),
    (
        clause(the("student", "many", plural=True), "travailler"),
        "Many students work.",
        "Beaucoup d'étudiants travaillent.",
    ),
    (
        clause(the("owl", "many", plural=True), "dormir"),
        "Many owls sleep.",
        "Beaucoup de hiboux dorment.",
    ),
]


@pytest.mark.parametrize(("tree", "expected_english", "expected_french"), TABLE, ids=[row[1] for row in TABLE])
def test_noun_phrases(tree: Clause, expected_english: str, expected_french: str) -> None:
    assert english.sentence(Sentence(tree)) == expected_english
    assert french_clause.sentence(Sentence(tree)) == expected_french
