"""Words and punctuation as tokens that can be joined to the exact text again.

A single space between tokens is implied. Where there is none, a joiner (U+FFED, as in OpenNMT's tokenizer) marks the
punctuation rather than the word, so that a word is the same token wherever it stands: `l'homme dort.` is
`l ￭'￭ homme dort ￭.`. Runs of letters, digits, marks and underscores are words; every other character is a token of
its own.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from seqlab.text.escape import EMPTY, JOINER

# The zero-width (non-)joiner binds the letters of a word in Persian and in Indic scripts.
_TOKEN = Split(
    Regex(r"[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}_\u200c\u200d]*|[^\p{L}\p{M}\p{N}_]"), behavior="isolated", invert=False
)
_CACHED_LENGTH = 64


def split(text: str) -> list[str]:
    """Split an escaped text into tokens, none of which holds a space."""
    if not text:
        return []
    # Between two spaces, and before or after one at the edge, stands a chunk that is empty.
    return [
        token
        for chunk in text.split(" ")
        for token in (_cached_split(chunk) if len(chunk) <= _CACHED_LENGTH else _split_chunk(chunk))
    ]


def join(tokens: Iterable[str]) -> str:
    """Undo `split`."""
    parts: list[str] = []
    glued = True
    for token in tokens:
        if not glued and not token.startswith(JOINER):
            parts.append(" ")
        parts.append(token.strip(JOINER))
        glued = token.endswith(JOINER)
    return "".join(parts).replace(EMPTY, "")


def _split_chunk(chunk: str) -> tuple[str, ...]:
    if not chunk:
        return (EMPTY,)
    tokens = [token for token, _ in _TOKEN.pre_tokenize_str(chunk)]
    words = [_is_word(token) for token in tokens]
    for index in range(1, len(tokens)):
        if words[index]:
            tokens[index - 1] += JOINER
        else:
            tokens[index] = JOINER + tokens[index]
    return tuple(tokens)


_cached_split = lru_cache(maxsize=1 << 16)(_split_chunk)


def _is_word(token: str) -> bool:
    return token[0] == "_" or unicodedata.category(token[0])[0] in "LMN"
