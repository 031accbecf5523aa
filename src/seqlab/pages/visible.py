"""Text from a corpus made fit to show: nothing in it hides, reorders the page, or floods it."""

import unicodedata

# Bidirectional controls reorder what stands around them. What Unicode calls ignorable by default, such as a zero-width
# space or a Hangul filler, can't be seen. Joiners (U+200C, U+200D) and selectors of a variant (U+180B to U+180F but
# U+180E, U+FE00 to U+FE0F) stay: Persian, Indic scripts, Mongolian and emoji need them.
_SHOWN_FORMAT = {0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x200E, 0x200F, 0x3164}
_SHOWN_FORMAT |= {*range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xFFA0, *range(0xFFF0, 0xFFFC)}
_SHOWN_FORMAT |= {*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)}
_SYMBOLS = {"\n": "\n", "\r": "␍", "\t": "⇥", "\x7f": "␡", "\u2028": "\n", "\u2029": "¶"}


def visible(text: str, line_end: str = "↵") -> str:
    """Replace each control character by a visible sign; everything else is kept.

    Line ends become `line_end`, tabs ⇥, other C0 controls their control picture (U+2400 …); C1 controls,
    bidirectional and invisible format characters, private-use characters, lone surrogates and noncharacters become
    their code point, such as ⟨U+202E⟩.
    """
    return "".join(map(_sign, text)).replace("\n", line_end)


def _sign(character: str) -> str:
    if character in _SYMBOLS:
        return _SYMBOLS[character]
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    hidden = unicodedata.category(character) in ("Cc", "Co", "Cs") or code in _SHOWN_FORMAT or code & 0xFFFE == 0xFFFE
    return f"⟨U+{code:04X}⟩" if hidden else character


def clip(text: str, limit: int) -> tuple[str, int]:
    """Return at most `limit` characters of `text`, and how many were left out."""
    if len(text) <= limit:
        return text, 0
    return text[:limit], len(text) - limit
