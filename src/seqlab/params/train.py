"""The `train` section of params.yaml."""

from typing import Literal, Self

from pydantic import Field, model_validator

from seqlab.params.origin import OriginName
from seqlab.params.section import Section

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
