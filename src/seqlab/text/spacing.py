"""Text in which no spaces stand between words, as Chinese, Japanese, Thai, Lao, Khmer, Burmese and Tibetan are written.

What counts words by spaces takes a sentence of it for one word.
"""

import re
from collections.abc import Iterable

# Unicode's blocks of Thai, Lao, Tibetan, Myanmar, Khmer, kana and Han; halfwidth katakana; Han beyond the first plane.
_BLOCKS = (
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff]"
)
_LETTER = re.compile(_BLOCKS)
_SPACE_BETWEEN = re.compile(rf"(?<={_BLOCKS})\s+(?={_BLOCKS})")
# Text that was cut into words beforehand has a space for each of them: after five letters at the most, on average.
_LETTERS_PER_SPACE = 10


def is_unspaced(texts: Iterable[str]) -> bool:
    """Whether most letters of the texts are of such scripts, with fewer than a space between ten of them."""
    letters = others = spaces = 0
    for text in texts:
        rest = _LETTER.sub("", text)
        letters += len(text) - len(rest)
        others += sum(map(str.isalpha, rest))
        spaces += len(_SPACE_BETWEEN.findall(text))
    return letters > others and letters > _LETTERS_PER_SPACE * spaces
