"""From executions to runs: which belong together, which of them a run's figures come from, and what the run says.

The outputs of the first finished execution are the run's; later ones are evidence for the ledger. A run is made of the
executions that were made for it and of the trainings of the same model before: a change of evaluation parameters is a
new run with the training's curves, and leaves the old run as it is.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import (
    CHECKPOINTS,
    CURVES,
    LOCK,
    MANIFEST,
    MODELS,
    PAGES,
    RAW,
    SCORES,
    STATISTICS,
    STEPS,
    TRAINING,
)
from seqlab.results.scores import flat
from seqlab.tracking.foreign import json_object, limited_bytes
from seqlab.tracking.journal.execution import Execution
from seqlab.tracking.journal.ledger import Ledger
from seqlab.tracking.journal.points import Clock, Point, curve_points, score_points, training_points, usage_points
from seqlab.tracking.journal.record import Checkpoint, Dataset, RunRecord, Status
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.description import describe
from seqlab.tracking.publishing.tags import counter_tags, fact_tags

# dvc.lock as it is before training does not have the model yet.
UNFINISHED = (LOCK,)
# What comes of JSON and CSV that seqlab never wrote.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, SeqlabError)


@dataclass(frozen=True)
class _Material:
    """The executions behind one run, oldest first."""

    own: list[Execution]
    trainings: list[Execution]
    reports: list[Execution]

    @property
    def training(self) -> Execution | None:
        """The training whose outputs are the run's."""
        return next((each for each in self.trainings if each.finished), None)

    @property
    def evaluation(self) -> Execution | None:
        """The evaluation whose outputs are the run's."""
        return next((each for each in self.own if each.stage == "evaluate" and each.finished), None)


def assemble(executions: Iterable[Execution], objects: Objects, damaged: list[str] | None = None) -> list[RunRecord]:
    """The records of all runs that the executions belong to, oldest first.

    `damaged` is told of runs whose files are none that a record can be made from; they are left out.
    """
    ordered = sorted(executions, key=lambda each: each.id)
    by_run, by_training = defaultdict(list), defaultdict(list)
    for each in ordered:
        by_run[each.run_fingerprint].append(each)
        if each.stage == "train":
            by_training[each.train_fingerprint].append(each)
    records = []
    for fingerprint, members in by_run.items():
        try:
            records.append(_record(_material(members, by_training[members[0].train_fingerprint]), objects))
        except UNREADABLE as error:
            if damaged is not None:
                reason = f"{type(error).__name__}: {error}"
                damaged.append(f"run {fingerprint[:6]} is left out: one of its files is damaged ({reason:.200})")
    return sorted(records, key=lambda record: record.started)


def _material(members: list[Execution], trainings: list[Execution]) -> _Material:
    own = [each for each in members if each.stage in ("train", "evaluate")]
    last = max((each.id for each in own or members), default="")
    reports = [each for each in members if each.stage not in ("train", "evaluate")]
    return _Material(own, [each for each in trainings if each.id <= last], reports)


def _record(material: _Material, objects: Objects) -> RunRecord:
    first = (material.own or material.reports)[0]
    files = _files(material)
    content = _Content(files, objects)
    evaluated = SCORES in files
    scores = flat(content.json(SCORES))
    status, last = _status(material, evaluated=evaluated)
    ledger = Ledger.of([*material.trainings, *material.own])
    record = RunRecord(
        fingerprint=first.run_fingerprint,
        recipe=first.header["recipe"],
        status=status,
        started=first.started,
        ended=last.last_seen,
        ledger=ledger,
        points=_points(material, content, first.started),
        files={path: name for path, name in files.items() if not path.startswith(CHECKPOINTS)},
        reports=_reports(material),
        checkpoints=_checkpoints(files, content),
        datasets=_datasets(content, first.header["recipe"]["evaluate"]["corpus"]),
        tags=fact_tags(first, _numerics(material), scores) | counter_tags(content.json(TRAINING), scores),
        error=last.error if status in ("FAILED", "KILLED") else "",
        models={path: name for path, name in files.items() if path.startswith(CHECKPOINTS)},
    )
    return describe(record, scores)


def _status(material: _Material, *, evaluated: bool) -> tuple[Status, Execution]:
    """The run's status, and the execution that decided it."""
    if evaluated:
        return "FINISHED", material.evaluation or (material.own or material.reports)[-1]
    last = (material.own or material.reports)[-1]
    if any(each.is_alive() for each in material.own):
        return "RUNNING", last
    match last.outcome:
        case "finished":
            return "FINISHED", last
        case "failed":
            return "FAILED", last
    return "KILLED", last


def _files(material: _Material) -> dict[str, str]:
    """Path → SHA-256 of what the run shows: a stage's outputs, or, from DVC's cache, what later stages found."""
    files: dict[str, str] = {}
    for source in (material.training, material.evaluation):
        files |= source.outputs if source else {}
    for each in (*material.own, *material.reports):
        for path, name in each.header["inputs"].items():
            if each.stage != "train" or path not in UNFINISHED:
                files.setdefault(path, name)
    return {path: name for path, name in files.items() if path not in PAGES}


def _reports(material: _Material) -> dict[str, str]:
    # The working copy's report, which has no id, sorts first; it is the one that people see.
    finished = [each for each in material.reports if each.outputs]
    found = next((each for each in finished if not each.id), finished[-1] if finished else None)
    return dict(found.outputs) if found else {}


class _Content:
    """The texts of a run's files."""

    def __init__(self, files: dict[str, str], objects: Objects) -> None:
        self._files = files
        self._objects = objects

    def text(self, path: str) -> str | None:
        """Text of the file; None where there is none."""
        place = self._objects.get(self._files[path]) if path in self._files else None
        return limited_bytes(place).decode("utf-8") if place else None

    def json(self, path: str) -> dict[str, Any]:
        """The file as JSON; {} where there is none."""
        return json_object((self.text(path) or "{}").encode("utf-8"))


def _points(material: _Material, content: _Content, start: float) -> list[Point]:
    training, evaluation = material.training, material.evaluation
    clock = Clock(material.trainings, training.started if training else start)
    metrics, scores = content.text(TRAINING), content.text(SCORES)
    points = score_points(scores, evaluation.last_seen if evaluation else start) if scores is not None else []
    if metrics is not None:
        points += training_points(metrics, training.last_seen if training else start)
    curves = content.text(CURVES)
    points += curve_points(content.text(STEPS), curves, material.trainings, clock)
    for execution in (training, evaluation):
        points += usage_points(execution) if execution else []
    return points


def _checkpoints(files: dict[str, str], content: _Content) -> list[Checkpoint]:
    training = content.json(TRAINING)
    if not training:
        return []
    steps = {"best": training["best"]["step"], "last": training["steps"]}
    found = []
    for name, step in steps.items():
        prefix = f"{MODELS}/{name}/"
        below = {path.removeprefix(prefix): sha for path, sha in files.items() if path.startswith(prefix)}
        # One checkpoint a step: where the last is the best, it is the same.
        if below and (name == "best" or step != steps["best"]):
            found.append(Checkpoint(name, int(step), below))
    return found


def _datasets(content: _Content, corpus: dict[str, Any]) -> list[Dataset]:
    manifest, statistics = content.json(MANIFEST), content.json(STATISTICS)
    origin = manifest.get("origin") or [{}]
    name = "-".join([corpus["name"], corpus["source"], corpus["target"]])
    return [
        Dataset(
            name=f"{name}-{split}",
            context=split,
            path=f"{RAW}/{split}.jsonl",
            sha256=counts["sha256"],
            url=origin[0].get("url"),
            profile={key: value for key, value in counts.items() if key != "sha256"} | statistics.get(split, {}),
        )
        for split, counts in manifest.get("splits", {}).items()
    ]


def _numerics(material: _Material) -> dict[str, Any]:
    return next((each.numerics for each in (*material.own, *material.trainings) if each.numerics), {})
