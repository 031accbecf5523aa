"""The shape of a model, as it stands in a checkpoint's config.json."""

from dataclasses import dataclass, fields

CELLS = ("gru", "lstm", "rnn")
CONTEXTS = ("initial", "every_step")
ATTENTIONS = ("none", "dot", "general", "additive")


@dataclass(frozen=True)
class ModelConfig:
    """Options of the encoder–decoder; those of `model` in params.yaml, and the sizes of the vocabularies.

    Raises:
        ValueError: an option that does not exist, a size below 1, a dropout outside [0, 1), or input feeding without
            attention, or one embedding for two vocabularies.
    """

    source_vocab_size: int
    target_vocab_size: int
    cell: str
    embedding_size: int
    hidden_size: int
    layers: int
    bidirectional: bool
    dropout: float
    context: str
    attention: str
    input_feeding: bool
    tie_embeddings: bool
    tie_output: bool

    def __post_init__(self) -> None:
        for name, options in (("cell", CELLS), ("context", CONTEXTS), ("attention", ATTENTIONS)):
            if getattr(self, name) not in options:
                raise ValueError(f"{name} must be one of {', '.join(options)}; not {getattr(self, name)!r}")
        for field in fields(self):
            if field.type is int and getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} must be at least 1; not {getattr(self, field.name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1; not {self.dropout}")
        if self.input_feeding and self.attention == "none":
            raise ValueError("input_feeding needs attention")
        if self.tie_embeddings and self.source_vocab_size != self.target_vocab_size:
            raise ValueError("tie_embeddings needs one vocabulary for source and target")

    @property
    def readout_size(self) -> int:
        """Width of what the output layer sees: that of the embeddings when they serve as its weights."""
        return self.embedding_size if self.tie_output else self.hidden_size
