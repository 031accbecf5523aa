"""The sections of params.yaml in its order, but `corpus`: names, types, bounds, and what each parameter does.

Parameters that need one another across sections are checked in `seqlab.params.params`.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

# What the journal and databases hold (seqlab.tracking.foreign_schema).
MOST = 2**63 - 1


class Section(BaseModel):
    """A section: unknown keys and values of another type are refused; an integer is accepted for a float."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _integers_have_64_bits(cls, content: Any) -> Any:
        for name, value in content.items() if isinstance(content, dict) else ():
            if any(
                isinstance(each, int) and abs(each) > MOST for each in (value if isinstance(value, list) else [value])
            ):
                raise ValueError(f"{name} is beyond {MOST:,}, the largest number that is kept")
        return content

    def leaves(self) -> Iterator[tuple[str, Any, str]]:
        """Name, value and description of each parameter, those of sections within it as `section.name`."""
        for key, field in type(self).model_fields.items():
            value = getattr(self, key)
            if isinstance(value, Section):
                yield from ((f"{key}.{name}", *rest) for name, *rest in value.leaves())
            else:
                yield key, value, field.description or ""


ORIGINS = Path("models/origins")
# A folder too, for DVC to find one whatever the value: it holds no checkpoint.
NONE = "none"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(value: Any) -> Any:
    """Give back the name of a checkpoint below models/origins, or `none`; other types are pydantic's to refuse.

    Raises:
        ValueError: it is no such name.
    """
    if value is None or (isinstance(value, str) and value != NONE and value.lower() in (NONE, "null", "~", "")):
        raise ValueError(f"write {NONE} where there is to be no checkpoint: DVC reads the name as that of a folder")
    # DVC keeps what it knows of a folder in a file of its name and .dvc.
    if isinstance(value, str) and (not NAME.fullmatch(value) or value.endswith(".dvc")):
        raise ValueError(
            f"{value!r:.80} names no folder below {ORIGINS}: use letters, digits and . _ -, 64 at most, a letter or "
            "digit first"
        )
    return value


OriginName = Annotated[str, BeforeValidator(check_name)]


def origin_folder(name: str) -> Path | None:
    """The folder of the checkpoint of that name, relative to params.yaml; None for `none`."""
    return None if name == NONE else ORIGINS / name


class RuntimeParams(Section):
    """The machine's part in the result: what the bytes of a result depend on beside the recipe."""

    device: Literal["cpu", "cuda"] = Field(description="Where to compute: cpu or cuda.")
    engine: Literal["fast", "plain"] = Field(
        description="How the model computes. fast: as quickly as the device can; plain: step by step, by definition.",
    )
    threads: int = Field(ge=1, description="Threads of PyTorch, whatever the number of cores.")
    numerics: Literal["native", "portable"] = Field(
        description="native: the CPU's best instructions; portable: AVX2 alone, so that more machines agree.",
    )


class TokenizerParams(Section):
    """How text becomes tokens."""

    kind: Literal["word", "bpe", "unigram", "char"] = Field(description="Unit of text: word, bpe, unigram or char.")
    vocab_size: int = Field(ge=8, description="Upper bound of a vocabulary's size, special tokens included.")
    vocabulary: Literal["joint", "separate"] = Field(
        description="One vocabulary for both sides (joint), or one for each (separate).",
    )
    max_source_length: int = Field(ge=1, description="Tokens kept of a source; what follows is cut off, and counted.")
    max_target_length: int = Field(
        ge=1,
        description="Training pairs whose target has more tokens are dropped, and counted.",
    )
    take_from: OriginName = Field(
        description="Checkpoint below models/origins/ whose tokenizers are taken as they are; none: they are learnt "
        "from the training text.",
    )


class ModelParams(Section):
    """The shape of the encoder–decoder."""

    cell: Literal["gru", "lstm", "rnn"] = Field(description="Recurrent cell: gru, lstm or rnn (Elman, tanh).")
    embedding_size: int = Field(ge=1, description="Width of the token embeddings.")
    hidden_size: int = Field(ge=1, description="Width of the decoder's state, and of the encoder's in each direction.")
    layers: int = Field(ge=1, description="Recurrent layers of the encoder, and of the decoder.")
    bidirectional: bool = Field(description="Read the source in both directions.")
    context: Literal["initial", "every_step"] = Field(
        description="The context vector is the decoder's first state only (initial), or also an input at every step.",
    )
    attention: Literal["none", "dot", "general", "additive"] = Field(
        description="Attention over the encoder's states: none, dot (scaled), general, or additive.",
    )
    input_feeding: bool = Field(description="Feed the last attentional vector to the next step (needs attention).")
    tie_embeddings: bool = Field(description="One embedding for source and target (needs a joint vocabulary).")
    tie_output: bool = Field(description="Use the target embeddings as the output projection.")
    dropout: float = Field(ge=0, lt=1, description="Dropout on embeddings, between layers, and before the output.")

    @model_validator(mode="after")
    def _input_feeding_needs_attention(self) -> Self:
        if self.input_feeding and self.attention == "none":
            raise ValueError("input_feeding needs attention: set attention to dot, general or additive")
        return self

    @model_validator(mode="after")
    def _masks_can_be_drawn(self) -> Self:
        # An element of a mask is drawn with 16 bits.
        if self.dropout and not 0 < round(self.dropout * 2**16) < 2**16:
            raise ValueError(f"dropout is {self.dropout:g}: set 0, or from 0.00002 to 0.99998")
        return self


StoppingMetric = Literal["bleu", "exact_match", "loss"]


class TrainParams(Section):
    """Teacher forcing, optimisation, and when to stop."""

    teacher_forcing_ratio: float = Field(
        ge=0, le=1, description="Probability of feeding the decoder the true token instead of its own argmax."
    )
    teacher_forcing_granularity: Literal["step", "token", "sequence"] = Field(
        description="One coin for a step of the whole batch (step), for each token, or for each sequence.",
    )
    teacher_forcing_schedule: Literal["constant", "linear", "exponential", "inverse_sigmoid"] = Field(
        description="How the ratio falls with the optimizer step i (Bengio et al. 2015): constant; "
        "linear max(floor, ratio − decay·i); exponential ratio·decay^i; "
        "inverse_sigmoid ratio·decay/(decay + exp(i/decay)).",
    )
    teacher_forcing_decay: float = Field(gt=0, description="Constant of the schedule; not used by constant.")
    teacher_forcing_floor: float = Field(ge=0, le=1, description="Lowest ratio of the linear schedule.")
    start_from: OriginName = Field(
        description="Checkpoint below models/origins/ whose parameters training starts from (fine-tuning); none: "
        "random ones. Model and tokenizers must be the same (tokenizer.take_from).",
    )
    epochs: int = Field(ge=1, description="Passes over the training pairs.")
    batch_size: int = Field(ge=1, description="Size of a batch, in the unit of batch_by.")
    batch_by: Literal["sentences", "tokens"] = Field(
        description="Count a batch in sentence pairs, or in tokens of the longer side, padding included.",
    )
    shards: int = Field(
        ge=1,
        description="Parts of a batch whose gradients are computed apart, then added; as many processes can share it.",
    )
    optimizer: Literal["adam", "adamw", "sgd"] = Field(description="adam, adamw or sgd.")
    learning_rate: float = Field(gt=0, description="Highest learning rate.")
    weight_decay: float = Field(ge=0, description="Weight decay of the optimizer.")
    learning_rate_schedule: Literal["constant", "exponential", "plateau", "inverse_sqrt"] = Field(
        description="constant; exponential (× decay each epoch); plateau (× decay when validation loss stops falling); "
        "inverse_sqrt (linear warm-up, then ∝ 1/√step).",
    )
    learning_rate_decay: float = Field(gt=0, le=1, description="Factor of the exponential and plateau schedules.")
    learning_rate_patience: int = Field(ge=0, description="Epochs without improvement that plateau waits for.")
    warmup_steps: int = Field(ge=0, description="Steps of linear warm-up, for every schedule; 0: none.")
    max_grad_norm: float = Field(ge=0, description="Gradients are clipped to this norm; 0: not clipped.")
    average_decay: float = Field(
        ge=0,
        lt=1,
        description="Decay of a moving average of the parameters, which is validated and kept instead; 0: none.",
    )
    label_smoothing: float = Field(ge=0, lt=1, description="Probability mass spread evenly over the vocabulary.")
    bpe_dropout: float = Field(
        ge=0,
        le=1,
        description="BPE-dropout: probability of leaving out a merge when the words of the training pairs are cut, "
        "anew in each epoch (needs tokenizer.kind bpe); 0: none.",
    )
    early_stopping_metric: StoppingMetric = Field(
        description="Validation metric that picks the best checkpoint, and stops training: bleu, exact_match or loss; "
        "of equal BLEU or exact match the lower loss.",
    )
    keep_checkpoints: int = Field(ge=1, description="Best epochs whose parameters are kept in models/best.")
    patience: int = Field(ge=0, description="Epochs without improvement before training stops; 0: never stop early.")
    validation_max_length: int = Field(ge=1, description="Longest translation, in tokens, when validating.")
    log_every: int = Field(ge=1, description="Optimizer steps between two points of the step curves.")
    precision: Literal["float32", "bfloat16"] = Field(description="float32, or bfloat16 autocast.")

    @model_validator(mode="after")
    def _a_shard_has_a_pair(self) -> Self:
        if self.batch_by == "sentences" and self.shards > self.batch_size:
            raise ValueError(f"shards is {self.shards}, more than the {self.batch_size} pairs of a batch (batch_size)")
        return self


class EvaluateParams(Section):
    """How the test set is translated and scored."""

    parameters: Literal["best", "average", "ensemble"] = Field(
        description="Translate with the best epoch's parameters, with the mean of the kept ones (average), or with the "
        "mean of their probabilities (ensemble).",
    )
    ensemble_with: OriginName = Field(
        description="Checkpoint below models/origins/, or folder of several, whose models translate together with this "
        "one (an ensemble of runs): at each step the mean of the probabilities; none: alone.",
    )
    beam_size: int = Field(ge=1, description="Hypotheses kept by beam search; 1 is greedy search.")
    length_penalty: float = Field(ge=0, description="α of the length penalty ((5 + length) / 6)^α; 0: none.")
    n_best: int = Field(ge=1, description="Translations kept for each source, at most beam_size.")
    max_length: int = Field(ge=1, description="Longest translation, in tokens.")
    batch_size: int = Field(ge=1, description="Sentences translated at once; changes no result.")
    tokenize: Literal["auto", "13a", "intl", "char", "zh", "ja-mecab", "ko-mecab", "flores200", "none"] = Field(
        description="Words of BLEU, in validation too, by a tokenizer of sacreBLEU: 13a, intl, char, zh, ja-mecab, "
        "ko-mecab, flores200 or none; auto: by the target's language, 13a for most.",
    )
    metrics: list[Literal["rouge", "diversity"]] = Field(
        description="Metrics beside BLEU, chrF and TER: rouge (of English), diversity.",
    )
    bootstrap_samples: int = Field(ge=100, description="Resamples of the test set for confidence intervals.")
    length_buckets: list[int] = Field(
        min_length=1,
        description="Upper bounds of the source-length buckets, in whitespace-separated words; in characters "
        "where the source has no spaces between words.",
    )

    @model_validator(mode="after")
    def _n_best_fits_the_beam(self) -> Self:
        if self.n_best > self.beam_size:
            raise ValueError(f"n_best ({self.n_best}) is larger than beam_size ({self.beam_size})")
        return self

    @model_validator(mode="after")
    def _metrics_once(self) -> Self:
        if len(set(self.metrics)) < len(self.metrics):
            raise ValueError(f"metrics names one twice: {', '.join(self.metrics)}")
        return self

    @model_validator(mode="after")
    def _buckets_rise(self) -> Self:
        if self.length_buckets[0] < 1 or any(low >= high for low, high in pairwise(self.length_buckets)):
            raise ValueError("length_buckets must be positive and rise, such as [5, 10, 20]")
        return self


class ReportParams(Section):
    """What the report shows."""

    samples: int = Field(ge=0, description="Sample translations, beside as many of the best and of the worst.")
    attention_maps: int = Field(ge=0, description="Attention maps, at most 12, where the model has attention.")
