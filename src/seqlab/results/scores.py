"""reports/scores.json, whatever metrics it holds."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from seqlab.results.metrics import GROUPS, METRICS, PERPLEXITY, Metric, measure_named, ordered
from seqlab.results.record import Record


class Score(Record):
    """A score; with its 95 % confidence interval, its signature, the same figure of the references, if it has them.

    `text` is what the score speaks of: the most frequent translation.
    """

    model_config = ConfigDict(allow_inf_nan=False)
    score: float | None
    signature: str = ""
    low: float | None = None
    high: float | None = None
    references: float | None = None
    text: str = ""


class EnsembleMember(Record):
    """A model that translated together with the run's own: its name below models/origins."""

    origin: str


class Scores(Record):
    """Scores of the test set by their keys; `notes` on what a reader must know of them.

    `measure` is the metric that the corpus is measured by, BLEU in the results of earlier versions.
    `ensemble_with` are the models that translated together with the run's own.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Score] = Field(init=False)
    examples: int
    measure: Literal["bleu", "exact_match"] = "bleu"
    notes: list[str] = Field(default_factory=list)
    ensemble_with: list[EnsembleMember] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        own = cls.model_fields
        return {name: value if name in own else _score(value) for name, value in flat(content).items()}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        asked_for = {metric.group for metric in METRICS if metric.key in self}
        for metric in METRICS:
            if metric.key not in self and metric.group in {"", *asked_for}:
                raise ValueError(f"{metric.key} is missing")
            if metric.key in self and self[metric.key].score is None and metric is not PERPLEXITY:
                raise ValueError(f"{metric.key} has no score")
        return self

    def __contains__(self, key: str) -> bool:
        return key in self.__pydantic_extra__

    def __getitem__(self, key: str) -> Score:
        return self.__pydantic_extra__[key]

    def shown(self) -> list[tuple[Metric, Score]]:
        """The metrics that are known: the corpus's measure, then the others in their order."""
        return [(metric, self[metric.key]) for metric in ordered(self.measure) if metric.key in self]

    @property
    def first(self) -> tuple[Metric, Score]:
        """What is shown first."""
        return self.shown()[0]


def known(scores: Mapping[str, Any]) -> list[tuple[Metric, Score]]:
    """As `Scores.shown`, of the content of a scores.json of any version, which may lack some metrics.

    Raises:
        ValueError: a score is damaged.
    """
    found = flat(scores)
    measured_by = measure_named(scores.get("measure")).key
    return [
        (metric, Score.model_validate(_score(found[metric.key])))
        for metric in ordered(measured_by)
        if metric.key in found
    ]


def flat(scores: Mapping[str, Any]) -> dict[str, Any]:
    """The content of reports/scores.json with the members of each group in the group's place."""
    found: dict[str, Any] = {}
    for name, value in scores.items():
        found |= value if name in GROUPS and isinstance(value, dict) else {name: value}
    return found


def _score(value: Any) -> Any:
    """A figure that stands alone is a score without more."""
    return value if isinstance(value, dict | Score) else {"score": value}
