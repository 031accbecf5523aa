"""params.yaml as a whole: read as YAML 1.2, validated by the schema."""

from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from seqlab.core.errors import SeqlabError
from seqlab.params.corpus import CorpusParams
from seqlab.params.problems import problems
from seqlab.params.schema import (
    NONE,
    EvaluateParams,
    ModelParams,
    ReportParams,
    RuntimeParams,
    Section,
    TokenizerParams,
    TrainParams,
)
from seqlab.params.yaml import read_yaml


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

    @property
    def origins(self) -> set[str]:
        """The names of the checkpoints below models/origins that the experiment depends on."""
        return {self.train.start_from, self.tokenizer.take_from, self.evaluate.ensemble_with} - {NONE}

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
    def _bpe_dropout_needs_merges(self) -> Self:
        if self.train.bpe_dropout and self.tokenizer.kind != "bpe":
            raise ValueError(
                f"train.bpe_dropout leaves out merges, and tokenizer.kind {self.tokenizer.kind} has none: set "
                "tokenizer.kind to bpe, or train.bpe_dropout to 0.0"
            )
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


def parse_params(content: Any, name: str) -> Params:
    """Validate parameters that are already in memory; `name` names them in messages.

    Raises:
        SeqlabError: as `load_params`.
    """
    if not isinstance(content, dict):
        raise SeqlabError(f"{name}: expected the sections {', '.join(Params.model_fields)}; found {content!r:.80}")
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        lines = "\n".join(f"  {problem}" for problem in problems(error, Params))
        raise SeqlabError(f"{name}:\n{lines}") from None
