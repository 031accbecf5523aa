"""A reversible escape for the characters that SentencePiece and the word tokenizer keep for themselves.

SentencePiece 0.2.3 loses U+0000, U+001F, U+2581 and U+2585, and in training a line end at the end of a text; no other
code point, every one of the Basic Multilingual Plane tried. The word tokenizer marks tokens with U+FFED. Each of these
is written as one private-use character, and those private-use characters, should a text hold them, as the escape mark
and a digit. Everything else stays as it is.
"""

import re

from seqlab.core.errors import SeqlabError

JOINER = "\uffed"
_RESERVED = "\x00\n\r\x1f\u2581\u2585" + JOINER
_PRIVATE = [chr(0x10FFF0 + offset) for offset in range(len(_RESERVED) + 2)]
_STAND_INS = dict(zip(_RESERVED, _PRIVATE, strict=False))
# Neither of these two stands in a text after `escape`, except the mark, with a digit after it.
EMPTY, MARK = _PRIVATE[-2:]

_ESCAPES = _STAND_INS | {character: f"{MARK}{digit}" for digit, character in enumerate(_PRIVATE)}
_TABLE = str.maketrans(_ESCAPES)
_ORIGINALS = {escaped: character for character, escaped in _ESCAPES.items()}
_NEEDS_ESCAPE = re.compile(f"[{_RESERVED}{_PRIVATE[0]}-{_PRIVATE[-1]}\ud800-\udfff]")
_ESCAPED = re.compile("|".join(_ORIGINALS))


def escape(text: str) -> str:
    """Replace the reserved characters; `unescape` is the exact inverse.

    Raises:
        SeqlabError: the text is not valid Unicode (it holds a lone surrogate).
    """
    if not _NEEDS_ESCAPE.search(text):
        return text
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SeqlabError(f"a text is not valid Unicode, so it cannot be tokenized: {error}") from None
    return text.translate(_TABLE)


def unescape(text: str) -> str:
    """Undo `escape`; text that `escape` cannot have made is left as it is where it fits no escape."""
    return _ESCAPED.sub(lambda match: _ORIGINALS[match[0]], text)
