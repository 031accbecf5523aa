"""The `tokenizer` section of params.yaml."""

from typing import Literal

from pydantic import Field

from seqlab.params.origin import OriginName
from seqlab.params.section import Section


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
