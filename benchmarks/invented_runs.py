"""Invented runs to compare: their entry in MLflow, and the files that they wrote."""

import hashlib
import json
import math
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag

from seqlab.significance.bleu_counts import BleuCounter
from seqlab.significance.bleu_scores import bleu
from seqlab.tracking.publishing.server import Server

SIGNATURE = "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
WORDS = (
    "le", "la", "petit", "grand", "chat", "chien", "bateau", "marin", "voisin", "livre", "jardin", "voit", "lit", "dit",
    "chante", "souvent", "près", "que", "et", "ne", "pas",
)  # fmt: skip
COMMIT = "0123456789abcdef0123456789abcdef01234567"
EXPERIMENT = "7"
CURVES = (
    "epoch,step,train_nll,valid_loss,valid_perplexity,valid_bleu,valid_exact_match,"
    "learning_rate,teacher_forcing_ratio,gradient_norm"
)
# Runs on a page of a search: few, so that there are several.
PAGE = 7
BUCKETS = "bucket,low,high,examples,bleu,bleu_low,bleu_high"


def references(count: int, seed: int = 1) -> list[str]:
    """Invented sentences of 4 to 20 words."""
    source = random.Random(seed)  # noqa: S311 (invented sentences)
    return [" ".join(source.choices(WORDS, k=source.randint(4, 20))).capitalize() + "." for _ in range(count)]


def worsened(texts: Sequence[str], errors: float, seed: int) -> list[str]:
    """The texts with each word, at probability `errors`, replaced by another."""
    source = random.Random(seed)  # noqa: S311 (invented sentences)
    return [
        " ".join(source.choice(WORDS) if source.random() < errors else word for word in text.split()) for text in texts
    ]


def digest(text: str) -> str:
    """As the tag `seqlab.files` has it."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass
class InventedRun:
    """A run that scored `translations` of `texts`."""

    number: int
    params: dict[str, str]
    texts: Sequence[str]
    translations: Sequence[str]
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    exposure: bool = False

    def __post_init__(self) -> None:
        counts = BleuCounter(SIGNATURE, [[text] for text in self.texts]).count(self.translations)
        self.sentence_bleu = [float(value) for value in bleu(counts.T)]
        score = float(bleu(counts.sum(axis=0)))
        self.metrics = {
            "test/bleu": score,
            "test/chrf": score + 15,
            "test/ter": 100 - score,
            "test/perplexity": 40 / (1 + score / 10),
            "valid_best/bleu": score - 1,
            **self.metrics,
        }
        test_set = hashlib.md5("\n".join(self.texts).encode(), usedforsecurity=False).hexdigest()
        self.tags = {
            "seqlab.run_fingerprint": hashlib.sha256(str(self.number).encode()).hexdigest(),
            "data.data/raw/test.jsonl": test_set,
            "signature.bleu": SIGNATURE,
            "commit": COMMIT,
            "seqlab.files": json.dumps({path: digest(content) for path, content in self.files.items()}),
            **self.tags,
        }

    @property
    def id(self) -> str:
        """MLflow's."""
        return f"{self.number:032x}"

    @property
    def name(self) -> str:
        """As MLflow shows it."""
        return self.tags.get("mlflow.runName", f"run-{self.number}")

    @property
    def files(self) -> dict[str, str]:
        """Artifact path → text."""
        lines = [
            json.dumps(
                {"source": f"source of {text}", "references": [text], "translation": translation}
                | {"score": -1.0, "bleu": score}
            )
            for text, translation, score in zip(self.texts, self.translations, self.sentence_bleu, strict=True)
        ]
        best = self.metrics["test/bleu"] - 1
        curves = [
            f"{epoch},{313 * epoch},,{4 / epoch + 50 / best},,{best - best / epoch**1.5},{best - best / epoch},,,"
            for epoch in range(1, 21)
        ]
        buckets = [f"0–5,0,5,10,{40 - self.number % 7},,", "6–10,6,10,0,,,", f"11+,11,,10,{30 - self.number % 5},,"]
        files = {
            "reports/translations.jsonl": "\n".join(lines) + "\n",
            "reports/curves.csv": "\n".join([CURVES, *curves]) + "\n",
            "reports/bleu_by_length.csv": "\n".join([BUCKETS, *buckets]) + "\n",
        }
        if self.exposure:
            rows = [f"{place},{100 - place},{1.5},{1.5 + place / 20}" for place in range(1, 21)]
            files["reports/exposure.csv"] = "\n".join(["position,tokens,gold_nll,own_nll", *rows]) + "\n"
        return files

    def write(self, store: Path) -> Path:
        """Write the files into the artifact folder of the run below `store`."""
        folder = store / self.id / "artifacts"
        for path, content in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, "utf-8")
        return folder

    def entity(self, store: Path) -> Run:
        """The run as MLflow's client gives it."""
        info = RunInfo(
            self.id, EXPERIMENT, "user", "FINISHED", 0, 1, "active",
            artifact_uri=(store / self.id / "artifacts").as_uri(), run_name=self.name,
        )  # fmt: skip
        data = RunData(
            [Metric(name, value, 0, 0) for name, value in self.metrics.items()],
            [Param(*item) for item in self.params.items()],
            [RunTag(*item) for item in self.tags.items()],
        )
        return Run(info, data)


def grid(
    ratios: Sequence[float], sizes: Sequence[int], seeds: int, sentences: int = 60, **common: str
) -> list[InventedRun]:
    """A run for each ratio, hidden size and seed: the higher both, the better."""
    texts = references(sentences)
    runs: list[InventedRun] = []
    for ratio in ratios:
        for size in sizes:
            for seed in range(1, seeds + 1):
                number = len(runs) + 1
                errors = 0.6 - 0.3 * ratio - 0.05 * math.log2(size / 64)
                params = {
                    "seed": str(seed),
                    "model.hidden_size": str(size),
                    "model.cell": "gru",
                    "train.teacher_forcing_ratio": str(ratio),
                    **common,
                }
                runs.append(InventedRun(number, params, texts, worsened(texts, errors, number)))
    return runs


class StandIn:
    """As much of MLflow's client as a comparison asks for; its pages are short."""

    def __init__(self, runs: Sequence[InventedRun], store: Path) -> None:
        self.runs = [run.entity(store) for run in runs]
        self.store = store
        self.conditions: list[str] = []

    def search_runs(self, _: list[str], filter_string: str, *, page_token: str | None = None, **__: Any) -> Any:
        """As `MlflowClient.search_runs`: a page of the runs, whatever they are asked for by."""
        self.conditions.append(filter_string)
        start = int(page_token or 0)
        page = Page(self.runs[start : start + PAGE])
        page.token = str(start + PAGE) if start + PAGE < len(self.runs) else None
        return page

    def get_experiment(self, _: str) -> Any:
        """As `MlflowClient.get_experiment`."""
        return SimpleNamespace(artifact_location=self.store.as_uri())

    def download_artifacts(self, run_id: str, path: str, folder: str) -> str:
        """As `MlflowClient.download_artifacts`, of a single file."""
        return shutil.copyfile(self.store / run_id / "artifacts" / path, Path(folder, Path(path).name)).as_posix()


class Page(list[Run]):
    """A page of a search."""

    token: str | None = None


def stand_in(runs: Sequence[InventedRun], store: Path, uri: str = "sqlite:///mlflow.db") -> Server:
    """A server that has the runs, whose files lie below `store`."""
    for run in runs:
        run.write(store)
    return Server(StandIn(runs, store), uri, EXPERIMENT)  # type: ignore[arg-type]
