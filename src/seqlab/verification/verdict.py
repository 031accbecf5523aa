"""What came out when a run was made anew, and in what it differs."""

from dataclasses import dataclass, field

from seqlab.errors import SeqlabError
from seqlab.tracking.foreign import json_object, numerics
from seqlab.verification.digest_table import Difference

MOST_FILES = 12
PLACES = ("bleu", "chrf", "ter", "perplexity")


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
    `bleu 30.1 → 30.2`.
    """

    name: str
    files: int
    differing: list[str]
    data: list[str]
    numerics_class: str
    numerics_class_anew: str
    parting: Parting | None = None
    scores: list[str] = field(default_factory=list)

    @property
    def reproduced(self) -> bool:
        """Whether every file came out with the same bytes."""
        return not self.differing

    @property
    def same_class(self) -> bool | None:
        """Whether both were made in the same numerics class; None if the run's is unknown."""
        return self.numerics_class == self.numerics_class_anew if self.numerics_class else None

    def __str__(self) -> str:
        if self.reproduced:
            return f"reproduced: {self.name}, {self.files} files, the same bytes, {self._classes()}"
        lines = [f"NOT REPRODUCED: {self.name}, {len(self.differing)} of {self.files} files differ, {self._classes()}"]
        lines += self._data()
        lines += self._parting()
        lines += [f"  scores: {', '.join(self.scores)}"] if self.scores else []
        lines += [f"  differs: {path}" for path in self.differing[:MOST_FILES]]
        rest = len(self.differing) - MOST_FILES
        return "\n".join([*lines, *([f"  … and {rest} more"] if rest > 0 else [])])

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


def score_changes(before: bytes | None, after: bytes | None) -> list[str]:
    """Lines such as `bleu 30.1 → 30.2` for the scores of two reports/scores.json that differ."""
    old, new = _scores(before), _scores(after)
    return [
        f"{name} {old[name]:g} → {new[name]:g}"
        for name in PLACES
        if name in old and old[name] != new.get(name, old[name])
    ]


def _scores(content: bytes | None) -> dict[str, float]:
    try:
        scores = json_object(content or b"{}")
    except SeqlabError:
        return {}
    found = {name: value.get("score") if isinstance(value, dict) else value for name, value in scores.items()}
    return {name: float(value) for name, value in found.items() if name in PLACES and isinstance(value, int | float)}


def _described(numerics_class: str) -> str:
    if not numerics_class:
        return "unknown"
    return " ".join(f"{name}={value}" for name, value in sorted(numerics(numerics_class).items()))
