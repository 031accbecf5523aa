"""What came out when a run was made anew, and in what it differs."""

import math
from dataclasses import dataclass, field

from seqlab.commands.verify.digest_table import Difference
from seqlab.core.errors import SeqlabError
from seqlab.results.metrics import METRICS
from seqlab.results.scores import flat
from seqlab.system.terminal import one_line
from seqlab.tracking.foreign import json_object, numerics
from seqlab.tracking.journal.points import COUNTERS

MOST_FILES = 12
# Of MLflow's metrics, those that are one figure for the whole run, and in its files.
FIGURES = ("test/", "valid_best/")


@dataclass(frozen=True)
class Parting:
    """Where the parameters of the two trainings part: `difference` is None where they agree after every step."""

    steps: int
    steps_anew: int
    difference: Difference | None


@dataclass(frozen=True)
class Verdict:
    """Which of `files` outputs differ, and what is known of why.

    `data` are the paths of differing data that training or evaluation read. The numerics classes are canonical JSON,
    that of the run empty if unknown. `parting` is None where there are no digests of both. `scores` has lines such as
    `bleu 30.1 → 30.2`. `unclaimed` are outputs of which the run has no digest, `figures` what MLflow shows otherwise
    than the run's own files have it, in words.
    """

    name: str
    files: int
    differing: list[str]
    data: list[str]
    numerics_class: str
    numerics_class_anew: str
    parting: Parting | None = None
    scores: list[str] = field(default_factory=list)
    unclaimed: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)

    @property
    def reproduced(self) -> bool:
        """Whether every file came out with the same bytes, and the run claims each, and MLflow shows their figures."""
        return not (self.differing or self.unclaimed or self.figures)

    @property
    def same_class(self) -> bool | None:
        """Whether both were made in the same numerics class; None if the run's is unknown."""
        return self.numerics_class == self.numerics_class_anew if self.numerics_class else None

    def __str__(self) -> str:
        if self.reproduced:
            return one_line(f"reproduced: {self.name}, {self.files} files, the same bytes, {self._classes()}")
        lines = [f"NOT REPRODUCED: {self.name}, {len(self.differing)} of {self.files} files differ, {self._classes()}"]
        lines += [*self._data(), *self._parting()] if self.differing else []
        lines += [f"  scores: {', '.join(self.scores)}"] if self.scores else []
        lines += _listed("differs", self.differing)
        lines += _listed("MLflow shows", self.figures)
        lines += _listed("the run has no digest of", self.unclaimed)
        return "\n".join(map(one_line, lines))

    def _classes(self) -> str:
        anew = _described(self.numerics_class_anew)
        match self.same_class:
            case True:
                return f"in numerics class {anew}"
            case None:
                return f"in numerics class {anew} (the run's own class is not known)"
        expected = "although" if self.reproduced else "as is to be expected where"
        return (
            f"{expected} the run was made in numerics class {_described(self.numerics_class)}, and this one in {anew}"
        )

    def _data(self) -> list[str]:
        if not self.data:
            return ["  the data are the same"]
        return [f"  the data differ already: {', '.join(self.data)}"]

    def _parting(self) -> list[str]:
        if self.parting is None:
            return ["  no digests of the steps were kept: at which step is not known"]
        found, steps, anew = self.parting.difference, self.parting.steps, self.parting.steps_anew
        if found is None and steps == anew:
            return [
                f"  the parameters are the same after each of {steps} optimizer steps: what differs came after them"
            ]
        if found is None:
            return [
                f"  the parameters are the same as far as both go: the run has {steps} optimizer steps, this {anew}"
            ]
        others = f" (and {len(found.tensors) - 1} more tensors)" if len(found.tensors) > 1 else ""
        place = f"optimizer step {found.step} of {steps}" if found.step else "the initialisation, before any step"
        return [f"  first difference: {place}, tensor {found.tensors[0]}{others}"]


def figure_differences(shown: dict[str, float], files: dict[str, float]) -> list[str]:
    """What MLflow shows of the test set and of the best checkpoint otherwise than the files, such as `test/bleu 99`.

    Both map names of metrics to values. Of a metric that MLflow does not show, nothing is said.
    """
    return [
        f"{name} {value:g}, {_said(files.get(name))}"
        for name, value in sorted(shown.items())
        if name.startswith(FIGURES)
        and name.partition("/")[2] not in COUNTERS
        and not math.isclose(value, files.get(name, math.nan), rel_tol=1e-9, abs_tol=1e-12)
    ]


def _said(value: float | None) -> str:
    return "which is in no file" if value is None else f"and its file has {value:g}"


def _listed(word: str, items: list[str]) -> list[str]:
    rest = len(items) - MOST_FILES
    lines = [f"  {word}: {item}" for item in items[:MOST_FILES]]
    return [*lines, f"  … and {rest} more"] if rest > 0 else lines


def score_changes(before: bytes | None, after: bytes | None) -> list[str]:
    """Lines such as `bleu 30.1 → 30.2` for the scores of two reports/scores.json that differ."""
    old, new = _scores(before), _scores(after)
    return [
        f"{name} {old[name]:g} → {new[name]:g}"
        for name in (metric.key for metric in METRICS)
        if name in old and old[name] != new.get(name, old[name])
    ]


def _scores(content: bytes | None) -> dict[str, float]:
    try:
        scores = flat(json_object(content or b"{}"))
    except SeqlabError:
        return {}
    found = {name: value.get("score") if isinstance(value, dict) else value for name, value in scores.items()}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def _described(numerics_class: str) -> str:
    if not numerics_class:
        return "unknown"
    return " ".join(f"{name}={value}" for name, value in sorted(numerics(numerics_class).items()))
