"""The `model` section of params.yaml."""

from typing import Literal, Self

from pydantic import Field, model_validator

from seqlab.params.section import Section


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
