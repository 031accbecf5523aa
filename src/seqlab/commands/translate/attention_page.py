"""The attention maps of one's own sentences: one HTML file, no script, no network."""

from collections.abc import Sequence
from pathlib import Path

from seqlab.evaluation.translation import Translation
from seqlab.pages.attention import attention_table
from seqlab.pages.html import page_environment, style_sheet
from seqlab.results.records import AttentionMap

TEMPLATES = Path(__file__).parent / "templates"
# A page of more is slow to open, and nobody looks at them.
MOST_MAPS = 100


def render_attention(pairs: Sequence[tuple[str, Translation]], left_out: int) -> str:
    """Return the page: each source text, its translation, and its map where there is one; every text is escaped.

    Args:
        pairs: Source texts with their translations.
        left_out: How many more there were.
    """
    entries = [(source, translation.text, _table(translation)) for source, translation in pairs]
    return (
        page_environment(TEMPLATES)
        .get_template("attention.html")
        .render(style=style_sheet(), entries=entries, left_out=left_out)
    )


def _table(translation: Translation) -> object:
    found = translation.attention
    if found is None:
        return None
    return attention_table(
        AttentionMap(
            source_tokens=found.source_tokens, translation_tokens=found.translation_tokens, weights=found.weights
        )
    )
