"""Translations as lines, or as JSON Lines: one a text, whatever is in them."""

import json
import math
from collections.abc import Sequence

from seqlab.commands.translate.texts import Text
from seqlab.evaluation.translation import Translation

DECIMALS = 4
# What some programs take for a line end, what a terminal obeys, and what UTF-8 does not have.
_ESCAPED = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000))}


def as_lines(translations: Sequence[Translation], count: int) -> list[str]:
    """The translations of a text, best first, each in one line: what breaks a line in it is a space.

    Of more than one, each has its log probability and a tab before it, and there are always `count`: those that the
    search did not find are empty, with log probability -inf.
    """
    lines = [(translation.score, " ".join(translation.text.splitlines())) for translation in translations]
    if count == 1:
        return [line for _, line in lines]
    lines += [(-math.inf, "")] * (count - len(lines))
    return [f"{score:.{DECIMALS}f}\t{line}" for score, line in lines]


def as_record(text: Text, translations: Sequence[Translation], count: int) -> str:
    """The text and its translation as a line of JSON, with the names that reports/translations.jsonl has.

    What else the text's line of JSON held is kept.
    """
    best = translations[0]
    record = {**text.record, "source": text.source, "translation": best.text, "score": round(best.score, DECIMALS)}
    if count > 1:
        record["n_best"] = [{"translation": each.text, "score": round(each.score, DECIMALS)} for each in translations]
    return json.dumps(record, ensure_ascii=False, allow_nan=False).translate(_ESCAPED)
