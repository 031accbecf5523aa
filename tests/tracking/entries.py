"""A journal's entries as stages write them, for tests that need no project."""

from typing import Any

DIGEST = "0123456789abcdef" * 4
_MADE_FROM = {"data": {"data/raw": f"{'0' * 32}.dir"}, "code": DIGEST, "versions": {"torch": "2.0"}}
RECIPE: dict[str, dict[str, Any]] = {
    "train": {
        "seed": 1,
        "runtime": {"device": "cpu", "threads": 2},
        "model": {"cell": "gru", "hidden_size": 64, "attention": "none"},
        "train": {"teacher_forcing_ratio": 1.0},
        **_MADE_FROM,
    },
    "evaluate": {
        "corpus": {"name": "files", "source": "en", "target": "fr", "files": {"train": ["a.tsv"]}},
        "tokenizer": {"kind": "word"},
        "evaluate": {"beam_size": 1, "length_buckets": [5, 10]},
        **_MADE_FROM,
    },
}
STARTED: dict[str, Any] = {
    "stage": "train",
    "train_fingerprint": DIGEST,
    "run_fingerprint": DIGEST,
    "recipe": RECIPE,
    "process": {"pid": 1, "started": 1.0, "machine": "a"},
    "provenance": {
        "python": "3.11.2",
        "versions": {},
        "commit": "0" * 40,
        "dirty": [],
        "params_diff": {"seed": [1, 2]},
    },
    "inputs": {"source.zip": DIGEST, "params.yaml": DIGEST},
}
ENDED: dict[str, Any] = {"outputs": {"models/best/config.json": DIGEST}, "usage": {"seconds": 2.0}}
