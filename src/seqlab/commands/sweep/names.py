"""Names of a sweep's experiments: what differs, in short."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from seqlab.tracking.fingerprint.canonical import digest

SHORT = {
    "seed": "s",
    "corpus.grammar.seed": "grammar",
    "model.hidden_size": "h",
    "model.embedding_size": "e",
    "model.layers": "l",
    "model.dropout": "dropout",
    "train.teacher_forcing_ratio": "tf",
    "train.learning_rate": "lr",
    "train.batch_size": "b",
    "evaluate.beam_size": "beam",
    "tokenizer.vocab_size": "v",
    # Their values are words that say enough.
    "corpus.name": "",
    "model.cell": "",
    "tokenizer.kind": "",
}
LONGEST = 80


def member_names(points: Sequence[Mapping[str, Any]], swept: Sequence[str]) -> list[str]:
    """A name for each point, unique among them and fit for a git reference, such as tf0.50-h64-s1.

    Args:
        points: Parameters by dotted name, one mapping a member.
        swept: The parameters that the sweep sets; those that differ between members make the names.
    """
    keys = [name for key in swept for name in points[0] if name == key or name.startswith(f"{key}.")]
    differing = [key for key in keys if len({repr(point[key]) for point in points}) > 1] or keys
    labels = _labels(differing)
    names = [_fit("-".join(labels[key] + _text(key, point[key]) for key in differing)) for point in points]
    counts = Counter(names)
    return [
        name if counts[name] == 1 else f"{name}-{digest([point[key] for key in differing])[:6]}"
        for name, point in zip(names, points, strict=True)
    ]


def _labels(keys: Sequence[str]) -> dict[str, str]:
    """Each parameter's label: a short one, or its last part; its whole name where two would have the same."""
    labels = {key: SHORT.get(key, key.split(".")[-1]) for key in keys}
    counts = Counter(labels.values())
    return {key: label if not label or counts[label] == 1 else key for key, label in labels.items()}


def _text(key: str, value: Any) -> str:
    if key == "train.teacher_forcing_ratio":
        short = f"{value:.2f}"
        return short if float(short) == value else repr(value)
    if isinstance(value, float):
        return repr(value).replace("e+", "e")
    # A word is set off from its label: attention-dot, but h64.
    return f"-{value}" if isinstance(value, str | bool) and not str(value)[:1].isdigit() else str(value)


def _fit(name: str) -> str:
    """The name in the letters that every git reference and every file system takes."""
    fitted = re.sub(r"[^A-Za-z0-9.]+", "-", name)
    fitted = re.sub(r"\.{2,}|\.lock\b", "-", fitted).strip("-.")
    return fitted if len(fitted) <= LONGEST else fitted[:LONGEST].rstrip("-.")
