"""Where the stages' outputs lie, below the root of a working copy."""

from pathlib import Path

MANIFEST = Path("data/raw/manifest.json")
STATISTICS = Path("data/statistics.json")
CURVES = Path("reports/curves.csv")
STEPS = Path("reports/steps.csv")
TRAINING = Path("reports/training.json")
SCORES = Path("reports/scores.json")
TRANSLATIONS = Path("reports/translations.jsonl")
BLEU_BY_LENGTH = Path("reports/bleu_by_length.csv")
EXPOSURE = Path("reports/exposure.csv")
ATTENTION = Path("reports/attention.json")
