"""The tokenizers of a checkpoint from elsewhere, for a corpus whose tokens are to mean what they mean there."""

import json
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.params.schema import TokenizerParams
from seqlab.text.tokenizer import CONFIG, SIDES, load_tokenizers

TOKENIZER = "tokenizer"


def taken_models(params: TokenizerParams, origin: Path) -> tuple[bytes, bytes]:
    """The SentencePiece models of the source and the target side in checkpoint folder `origin`.

    Raises:
        SeqlabError: they are missing or damaged, or not what the parameters say that they are.
    """
    folder = origin / TOKENIZER
    if not (folder / CONFIG).is_file():
        raise SeqlabError(
            f"tokenizer.take_from: {origin} has no {TOKENIZER}/{CONFIG}; put a whole checkpoint there, as "
            f"`seqlab take {origin.name}` does"
        )
    sides = load_tokenizers(folder)
    size = max(side.vocab_size for side in sides)
    # That it is JSON with these keys has been checked, but for this one.
    vocabulary = json.loads((folder / CONFIG).read_bytes()).get("vocabulary")
    wrong = {
        "kind": sides[0].kind if params.kind != sides[0].kind else None,
        "vocabulary": vocabulary if params.vocabulary != vocabulary else None,
        "vocab_size": f"{size} or more" if params.vocab_size < size else None,
    }
    needed = [f"tokenizer.{name} to {value}" for name, value in wrong.items() if value is not None]
    if needed:
        raise SeqlabError(f"tokenizer.take_from: the tokenizers of {origin} are others: set {' and '.join(needed)}")
    source, target = ((folder / f"{side}.model").read_bytes() for side in SIDES)
    return source, target
