"""Whether the ids of two models mean the same tokens."""

from pathlib import Path

from seqlab.text.tokenizer import SIDES, load_tokenizers


def differing_tokens(first: Path, second: Path) -> str:
    """What tells the tokenizers in two folders apart: `source`, `target`, both, or `kind of`; "" if nothing does.

    By their bytes: of two vocabularies of one size, an id may be two words.

    Raises:
        SeqlabError: tokenizers are missing or damaged.
    """
    kinds = {load_tokenizers(folder)[0].kind for folder in (first, second)}
    differing = [
        side for side in SIDES if (first / f"{side}.model").read_bytes() != (second / f"{side}.model").read_bytes()
    ]
    return " and ".join(differing) or ("kind of" if len(kinds) > 1 else "")
