"""Clauses and questions on both sides, against sentences written by hand."""

import pytest

from seqlab.corpus.grammar import english, french_clause
from seqlab.corpus.grammar.clauses import (
    Clause,
    Gap,
    Sentence,
    Subordinate,
)
from seqlab.corpus.grammar.lexicon import FEMININE
from seqlab.corpus.grammar.verbs import (
    FUTURE,
    IMPERFECT,
    WANT,
)
from tests.corpus.trees import ALICE, ELLE, IL, ILS, JE, MALE, NOUS, PAUL, VOUS, ask, be, clause, the

STATEMENTS: list[tuple[Clause, str, str]] = [
    # Tenses, adverbs, clitics, infinitives.
    (clause(NOUS, "manger", the("bread"), tense=IMPERFECT), "We were eating the bread.", "Nous mangions le pain."),
    (clause(NOUS, "manger", the("bread")), "We eat the bread.", "Nous mangeons le pain."),
    (clause(ILS, "manger", the("bread"), tense=IMPERFECT), "They were eating the bread.", "Ils mangeaient le pain."),
    (clause(PAUL, "acheter", the("egg"), tense=FUTURE), "Paul will buy the egg.", "Paul achètera l'œuf."),
    (
        clause(PAUL, "chanter", negation="never", tense=IMPERFECT),
        "Paul never used to sing.",
        "Paul ne chantait jamais.",
    ),
    (clause(PAUL, "chanter", adverb="often"), "Paul often sings.", "Paul chante souvent."),
    (
        clause(PAUL, "chanter", adverb="often", tense=FUTURE, time="next week"),
        "Paul will often sing next week.",
        "Paul chantera souvent la semaine prochaine.",
    ),
    (clause(PAUL, "voir", JE, negation="not"), "Paul does not see me.", "Paul ne me voit pas."),
    (clause(PAUL, "aimer", JE, negation="no longer"), "Paul no longer loves me.", "Paul ne m'aime plus."),
    (clause(NOUS, "voir", IL), "We see him.", "Nous le voyons."),
    (
        clause(PAUL, "chercher", ILS, wish_verb=WANT, negation="not"),
        "Paul does not want to look for them.",
        "Paul ne veut pas les chercher.",
    ),
    (clause(PAUL, "jouer", ILS), "Paul plays with them.", "Paul joue avec eux."),
    (
        clause(PAUL, "donner", the("egg", "a"), recipient=the("child", plural=True)),
        "Paul gives an egg to the children.",
        "Paul donne un œuf aux enfants.",
    ),
    # Subordinate clauses.
    (
        clause(JE, "penser", complement=clause(ALICE, "dormir")),
        "I think that Alice sleeps.",
        "Je pense qu'Alice dort.",
    ),
    (
        clause(the("man", relative=clause(MALE, "chanter", negation="not")), "dormir"),
        "The man who does not sing sleeps.",
        "L'homme qui ne chante pas dort.",
    ),
    (
        clause(PAUL, "lire", the("book", relative=clause(ELLE, "écrire", MALE))),
        "Paul reads the book that she writes.",
        "Paul lit le livre qu'elle écrit.",
    ),
    (
        clause(
            the("cow", "a", plural=True, relative=clause(Gap(FEMININE, True, "animal"), "dormir")),
            "voir",
            the("bird"),
        ),
        "Some cows that sleep see the bird.",
        "Des vaches qui dorment voient l'oiseau.",
    ),
    (
        clause(PAUL, "rire", tense=FUTURE, subordinate=Subordinate("when", clause(ILS, "chanter", tense=FUTURE), True)),
        "When they sing, Paul will laugh.",
        "Quand ils chanteront, Paul rira.",
    ),
    (
        clause(PAUL, "rire", tense=FUTURE, subordinate=Subordinate("if", clause(IL, "dormir"))),
        "Paul will laugh if he sleeps.",
        "Paul rira s'il dort.",
    ),
    (
        clause(PAUL, "rire", subordinate=Subordinate("if", clause(ALICE, "dormir"))),
        "Paul laughs if Alice sleeps.",
        "Paul rit si Alice dort.",
    ),
    (
        clause(PAUL, "rire", tense=IMPERFECT, subordinate=Subordinate("because", be(ELLE, "sad", tense=IMPERFECT))),
        "Paul was laughing because she was sad.",
        "Paul riait parce qu'elle était triste.",
    ),
    (
        clause(PAUL, "rire", subordinate=Subordinate("while", clause(the("uncle", "a"), "dormir"))),
        "Paul laughs while an uncle sleeps.",
        "Paul rit pendant qu'un oncle dort.",
    ),
]

QUESTIONS: list[tuple[Sentence, str, str]] = [
    (ask("yes-no", clause(IL, "chanter")), "Does he sing?", "Chante-t-il ?"),
    (ask("yes-no", clause(ELLE, "chanter", tense=FUTURE)), "Will she sing?", "Chantera-t-elle ?"),
    (ask("yes-no", clause(IL, "dormir")), "Does he sleep?", "Dort-il ?"),
    (ask("yes-no", clause(VOUS, "voir", IL, negation="not")), "Do you not see him?", "Ne le voyez-vous pas ?"),
    (ask("yes-no", clause(JE, "chanter")), "Do I sing?", "Est-ce que je chante ?"),
    (ask("yes-no", clause(ALICE, "dormir", tense=IMPERFECT)), "Was Alice sleeping?", "Est-ce qu'Alice dormait ?"),
    (ask("what", clause(PAUL, "manger", MALE)), "What does Paul eat?", "Qu'est-ce que Paul mange ?"),
    (ask("what", clause(VOUS, "chercher", MALE)), "What do you look for?", "Que cherchez-vous ?"),
    (ask("what", clause(IL, "acheter", MALE)), "What does he buy?", "Qu'achète-t-il ?"),
    (ask("who", clause(MALE, "chanter")), "Who sings?", "Qui chante ?"),
    (ask("where", clause(PAUL, "travailler")), "Where does Paul work?", "Où est-ce que Paul travaille ?"),
    (ask("why", clause(ILS, "rire")), "Why do they laugh?", "Pourquoi rient-ils ?"),
    (
        ask("when", clause(the("uncle"), "manger", tense=FUTURE)),
        "When will the uncle eat?",
        "Quand est-ce que l'oncle mangera ?",
    ),
    (ask("yes-no", be(IL, "sad", negation="not")), "Is he not sad?", "N'est-il pas triste ?"),
    (
        Sentence(clause(PAUL, "dormir"), None, "but", clause(NOUS, "rire")),
        "Paul sleeps, but we laugh.",
        "Paul dort, mais nous rions.",
    ),
]

TABLE = [(Sentence(tree), en, fr) for tree, en, fr in STATEMENTS] + QUESTIONS


@pytest.mark.parametrize(("tree", "expected_english", "expected_french"), TABLE, ids=[row[1] for row in TABLE])
def test_construction(tree: Sentence, expected_english: str, expected_french: str) -> None:
    assert english.sentence(tree) == expected_english
    assert french_clause.sentence(tree) == expected_french
