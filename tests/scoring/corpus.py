"""Made-up translations and references: some right, some wrong, some short, some awkward."""

import random

WORDS = ["the", "cat", "Cat", "isn't", "l'homme", "vu,", "3.5", "«", "»", "übel", "end.", "猫", "&amp;", "re-run"]


def translated(count: int) -> tuple[list[str], list[tuple[str, ...]]]:
    """Translations with two references each, drawn from a fixed seed."""
    generator = random.Random(7)
    translations: list[str] = []
    references: list[tuple[str, ...]] = []
    for _ in range(count):
        first = generator.choices(WORDS, k=generator.randint(1, 20))
        second = [word if generator.random() < 0.6 else generator.choice(WORDS) for word in first]
        changed = [word if generator.random() < 0.7 else generator.choice(WORDS) for word in first]
        translations.append(" ".join(changed[: generator.randint(1, 20)]))
        references.append((" ".join(first), " ".join(second)))
    translations[3] = ""
    return translations, references


def ragged(references: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Only the first reference of every third sentence."""
    return [texts[:1] if row % 3 == 0 else texts for row, texts in enumerate(references)]
