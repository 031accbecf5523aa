"""What an MLflow run should say, whatever it says now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from seqlab.params.schema import NONE
from seqlab.tracking.fingerprint.canonical import digest, flatten
from seqlab.tracking.foreign import task_name
from seqlab.tracking.journal.ledger import Ledger
from seqlab.tracking.journal.points import Point
from seqlab.tracking.journal.run_name import run_name

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint and the optimizer step of its parameters; `files`: path below its folder → SHA-256."""

    name: str
    step: int
    files: dict[str, str]


@dataclass(frozen=True)
class Dataset:
    """A split of the corpus; `sha256` is of its file in data/raw, `profile` counts what is in it."""

    name: str
    context: str
    path: str
    sha256: str
    url: str | None
    profile: dict[str, Any]

    @property
    def digest(self) -> str:
        """The beginning of `sha256`: MLflow takes 36 characters."""
        return self.sha256[:32]


@dataclass(frozen=True)
class RunRecord:
    """The whole of a run. Times are in seconds since the epoch; `files` and `reports`: artifact path → SHA-256.

    `models`: path → SHA-256 of every file in the folders of checkpoints, those that are one checkpoint in both.
    `tags` are facts, which stay as they are first written; `error` is of a run that failed; `sweeps` maps the sweeps
    that it belongs to to its name in each.
    """

    fingerprint: str
    recipe: dict[str, dict[str, Any]]
    status: Status
    started: float
    ended: float
    ledger: Ledger
    points: list[Point]
    files: dict[str, str]
    reports: dict[str, str]
    checkpoints: list[Checkpoint]
    datasets: list[Dataset]
    tags: dict[str, str]
    error: str = ""
    description: str = ""
    sweeps: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the run: what people compare by, and what tells it from all others."""
        return run_name(self.recipe, self.fingerprint)

    @property
    def params(self) -> dict[str, str]:
        """The parameters that count, with dotted names."""
        return {name: as_text(value) for name, value in recipe_params(self.recipe).items()}

    @property
    def is_ensemble(self) -> bool:
        """Whether its test scores are those of an ensemble of runs."""
        return is_ensemble(self.params)

    @property
    def registered_model(self) -> str:
        """Name in the model registry: one for each task."""
        return task_name(self.recipe["evaluate"]["corpus"])

    @property
    def digest(self) -> str:
        """Changes with anything that there is to publish."""
        # Left out where there are none, as in the digests of earlier versions.
        sweeps = {"sweeps": self.sweeps} if self.sweeps else {}
        return digest(
            {
                **sweeps,
                "status": self.status,
                "points": sorted([point.key, point.step] for point in self.points),
                "files": sorted([*self.files, *(checkpoint.name for checkpoint in self.checkpoints)]),
                "reports": self.reports,
                "datasets": sorted([dataset.context, dataset.sha256] for dataset in self.datasets),
                "ledger": self.ledger.short_ids,
                "error": self.error,
            }
        )


def recipe_data(recipe: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Path → DVC's digest of all data in a recipe."""
    return {path: str(digest) for part in recipe.values() for path, digest in part["data"].items()}


def recipe_params(recipe: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The parameters in a recipe, with dotted names: neither the report's nor those of corpora that were not chosen."""
    train, evaluate = recipe["train"], recipe["evaluate"]
    sections = {
        "seed": train["seed"],
        **{name: train[name] for name in ("runtime", "model", "train")},
        **{name: evaluate[name] for name in ("corpus", "tokenizer", "evaluate")},
    }
    return flatten(sections)


def run_alias(fingerprint: str) -> str:
    """The alias in the registry by which a run's model is found."""
    return f"run-{fingerprint[:6]}"


def as_text(value: Any) -> str:
    """A parameter as text: as YAML has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_ensemble(params: Mapping[str, str]) -> bool:
    """Whether a run of these parameters translated with other runs' models: its scores are not its model's alone."""
    # Runs of other versions lack the parameter.
    return params.get("evaluate.ensemble_with", NONE) != NONE
