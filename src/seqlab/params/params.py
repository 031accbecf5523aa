"""params.yaml as a whole: read as YAML 1.2, validated by the schema."""

import difflib
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from seqlab.core.errors import SeqlabError
from seqlab.params.corpus import CorpusParams
from seqlab.params.evaluate import EvaluateParams
from seqlab.params.model import ModelParams
from seqlab.params.report import ReportParams
from seqlab.params.runtime import RuntimeParams
from seqlab.params.section import Section
from seqlab.params.tokenizer import TokenizerParams
from seqlab.params.train import TrainParams
from seqlab.params.yaml import read_yaml

# What pydantic says of these is for programmers.
WORDING = {
    "missing": "missing",
    "list_type": "expected a list in brackets, such as [{example}], not {found}",
    "too_long": "this list has at most {max_length} items, not {found}",
    "too_short": "this list has at least {min_length} item, not {found}",
    "model_type": "expected the parameters of this section, indented below it, not {found}",
}


class Params(Section):
    """All parameters of an experiment."""

    seed: int = Field(ge=0, description="Seed of initialisation, shuffling, dropout and coins.")
    runtime: RuntimeParams = Field(description="Where the numbers are computed.")
    corpus: CorpusParams = Field(description="Which parallel text.")
    tokenizer: TokenizerParams = Field(description="How text becomes tokens.")
    model: ModelParams = Field(description="The shape of the encoder–decoder.")
    train: TrainParams = Field(description="Teacher forcing, optimisation, and when to stop.")
    evaluate: EvaluateParams = Field(description="How the test set is translated and scored.")
    report: ReportParams = Field(description="What the report shows.")

    @model_validator(mode="after")
    def _portable_excludes_bfloat16(self) -> Self:
        if self.runtime.numerics == "portable" and self.train.precision == "bfloat16":
            raise ValueError("runtime.numerics portable excludes train.precision bfloat16: choose one of them")
        return self

    @model_validator(mode="after")
    def _tied_embeddings_need_a_joint_vocabulary(self) -> Self:
        if self.model.tie_embeddings and self.tokenizer.vocabulary != "joint":
            raise ValueError("model.tie_embeddings needs one vocabulary: set tokenizer.vocabulary to joint")
        return self

    @model_validator(mode="after")
    def _rouge_reads_english(self) -> Self:
        # A side of a corpus that is no language (reply, summary, title) is English.
        target = self.corpus.target
        if "rouge" in self.evaluate.metrics and len(target) == 2 and target != "en":
            raise ValueError(
                f"evaluate.metrics: rouge reads the letters a–z alone and stems English, and corpus.target is {target}"
            )
        return self

    @model_validator(mode="after")
    def _several_epochs_are_kept(self) -> Self:
        if self.evaluate.parameters == "best":
            return self
        for name, value in (("keep_checkpoints", self.train.keep_checkpoints), ("epochs", self.train.epochs)):
            if value < 2:
                raise ValueError(
                    f"evaluate.parameters {self.evaluate.parameters} needs at least two kept epochs: "
                    f"train.{name} must be 2 or more, not {value}"
                )
        return self


def load_params(path: Path) -> Params:
    """Read and validate a params.yaml.

    Raises:
        SeqlabError: the file is missing or not YAML (see `read_yaml`), or a parameter is unknown, missing or out of
            range; the message names every such parameter, and for an unknown one the nearest known one.
    """
    return parse_params(read_yaml(path), str(path))


def parse_params(content: Any, origin: str) -> Params:
    """Validate parameters that are already in memory; `origin` names them in messages.

    Raises:
        SeqlabError: as `load_params`.
    """
    if not isinstance(content, dict):
        raise SeqlabError(f"{origin}: expected the sections {', '.join(Params.model_fields)}; found {content!r:.80}")
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        problems = [_problem(details) for details in error.errors()]
        raise SeqlabError(f"{origin}:\n" + "\n".join(f"  {problem}" for problem in problems)) from None


def _problem(details: Any) -> str:
    location = [str(part) for part in details["loc"] if isinstance(part, str)]
    # Places in a list count from 0.
    places = [f"item {part + 1}" for part in details["loc"] if isinstance(part, int)]
    name = ", ".join([".".join(location), *places])
    value, kind = details["input"], details["type"]
    if kind == "extra_forbidden":
        return f"{name}: no such parameter{_suggestion(location)}"
    if kind == "value_error":
        return ": ".join([*filter(None, [name]), str(details["ctx"]["error"])])
    found = f"{value!r:.80}"
    if kind in WORDING:
        example = value if isinstance(value, str | int | float) else ""
        return f"{name}: " + WORDING[kind].format(found=found, example=example, **details.get("ctx", {}))
    return f"{name}: {details['msg'][0].lower()}{details['msg'][1:]}, not {found}"


def _suggestion(location: list[str]) -> str:
    near = difflib.get_close_matches(".".join(location), _names(Params), n=1, cutoff=0.6)
    near = near or [name for name in _names(Params) if name.split(".")[-1] == location[-1]]
    return f"; did you mean {near[0]}?" if near else ""


def _names(section: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for key, field in section.model_fields.items():
        names.append(prefix + key)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += _names(field.annotation, f"{prefix}{key}.")
    return names
