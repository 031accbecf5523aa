"""Samples of what commands read of other people's: files of compared runs, journals that are watched, notes."""

import json
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from rich.console import Console

from benchmarks.invented_runs import BUCKETS
from benchmarks.invented_runs import CURVES as COLUMNS
from seqlab.commands.compare.bands import bands, mean_exposures
from seqlab.commands.compare.reading import read_counts, read_translations
from seqlab.commands.compare.series import exposures, learning_curves, length_curves, length_unit
from seqlab.commands.watch.display import watch
from seqlab.commands.why.definitions import differences
from seqlab.results.paths import BLEU_BY_LENGTH, CURVES, EXPOSURE, TRANSLATIONS
from seqlab.seq2seq.origin_note import NOTE, read_note
from seqlab.tracking.home import Home
from seqlab.tracking.publishing import last_sync, server
from tests.fuzz.loader import Loader
from tests.fuzz.mutations import Mutation, bytes_mutated, json_lines_mutated, json_mutated
from tests.fuzz.text_files import PAIRS, ROOT
from tests.tracking.entries import DIGEST, STARTED

SIGNATURE = "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
JOURNAL = f".seqlab/journal/train/{DIGEST}/20260101T000000000000-0123abcd.jsonl"
SOURCE = "src/seqlab/text/batches.py"


def foreign_loaders() -> dict[str, Callable[[], Loader]]:
    """By name."""
    return {
        "compared curves.csv": _curves,
        "compared bleu_by_length.csv": _lengths,
        "compared exposure.csv": _exposure,
        "compared translations.jsonl": _compared_translations,
        "watched journal": _watched,
        "definitions of Python": _definitions,
        "last_sync.json": _last_sync,
        "experiment.json": _experiment,
        "origin.json": _origin,
    }


def _one(name: str, content: bytes, mutation: Mutation, load: Callable[[Path], object]) -> Loader:
    return Loader({name: content}, {name: mutation}, load)


def _table(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def _curves() -> Loader:
    rows = (f"{epoch},{313 * epoch},1,{4 / epoch},2,{2.5 * epoch},,0.001,1,1" for epoch in range(1, 9))

    def load(root: Path) -> None:
        files = [{CURVES: root / CURVES}] * 2
        for column in ("valid_bleu", "valid_loss"):
            bands(learning_curves(files, column), [[[0], [1]]])

    return _one(CURVES, _table(COLUMNS, *rows), bytes_mutated, load)


def _lengths() -> Loader:
    def load(root: Path) -> None:
        files = [{BLEU_BY_LENGTH: root / BLEU_BY_LENGTH}] * 2
        length_unit(files)
        bands(length_curves(files)[1], [[[0], [1]]])

    rows = ("0–5,0,5,3,40,39,41,words", "6–9,6,9,0,,,,words", "10+,10,,3,20,19,21,words")
    return _one(BLEU_BY_LENGTH, _table(f"{BUCKETS},unit", *rows), bytes_mutated, load)


def _exposure() -> Loader:
    rows = (f"{place},{100 - place},1.5,{1.5 + place / 20}" for place in range(1, 21))

    def load(root: Path) -> None:
        mean_exposures(exposures([{EXPOSURE: root / EXPOSURE}] * 2), [[[0], [1]]])

    return _one(EXPOSURE, _table("position,tokens,gold_nll,own_nll", *rows), bytes_mutated, load)


def _compared_translations() -> Loader:
    lines = [
        {"source": one, "references": [other], "translation": other, "score": -1.5, "bleu": 5.0} for one, other in PAIRS
    ]

    def load(root: Path) -> None:
        read_counts([root / TRANSLATIONS], SIGNATURE)
        read_translations(root / TRANSLATIONS)

    return _one(TRANSLATIONS, _table(*map(json.dumps, lines)), json_lines_mutated, load)


def _watched() -> Loader:
    elsewhere = STARTED | {"process": {"pid": 1, "started": 1.0, "machine": "another"}}
    began = {"event": "TrainingStarted", "step": 0, "epoch": 1, "epochs": 3, "steps_per_epoch": 4}
    points = [
        {"event": "StepFinished", "point": {"step": step, "epoch": 1, "loss": 5 / step}, "tokens_per_second": 1000.0}
        for step in range(1, 5)
    ]
    entries = [{"event": "started", **elsewhere}, began, *points]
    entries += [{"event": "EpochFinished", "point": {"step": 4, "epoch": 1, "valid_bleu": 3.5}}]
    timed = [{"time": 1e9 + number, **entry} for number, entry in enumerate(entries)]

    def load(root: Path) -> None:
        (root / ".dvc").mkdir(exist_ok=True)
        with (
            open(root / "shown", "w", encoding="utf-8") as file,
            patch("seqlab.tracking.journal.process.time.time", lambda: 1e9 + 10),
            patch("seqlab.tracking.home.os.environ", {}),
        ):
            watch(root, once=True, console=Console(file=file, width=100))

    return _one(JOURNAL, _table(*map(json.dumps, timed)), json_lines_mutated, load)


def _definitions() -> Loader:
    before = (ROOT / SOURCE).read_bytes()
    return _one("a.py", before, bytes_mutated, lambda root: differences(before, (root / "a.py").read_bytes(), "a.py"))


def _last_sync() -> Loader:
    content = json.dumps({"state": DIGEST, "paths": ["data/raw", "params.yaml"], "said": "nothing to do"}).encode()

    def load(root: Path) -> None:
        def state(_: Home, __: object, paths: list[str]) -> str:
            assert all((root / path).resolve().is_relative_to(root.resolve()) for path in paths)
            return DIGEST

        with patch.object(last_sync, "state", state):
            last_sync.same_as_last(Home(root))

    return _one(".seqlab/last_sync.json", content, json_mutated, load)


def _experiment() -> Loader:
    content = json.dumps({"server": DIGEST, "experiment_id": "7"}).encode()

    def load(root: Path) -> None:
        with patch.object(server, "_server_key", lambda _: DIGEST):
            view = server.known_view(Home(root))
        assert view is None or view.isprintable()

    return _one(".seqlab/experiment.json", content, json_mutated, load)


def _origin() -> Loader:
    content = json.dumps({"run": "tf1.00-h64", "fingerprint": DIGEST}).encode()
    return _one(NOTE, content, json_mutated, read_note)
