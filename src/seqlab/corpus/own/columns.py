"""Which columns of a table are source and references: by the names in its first line, or by their order."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from seqlab.core.errors import SeqlabError

_SOURCES = ("source", "src")
_TARGETS = ("target", "tgt", "reference", "references", "translation")
# A word as columns are called, and sentences hardly ever are.
_NAME = re.compile(r"[^\W\d]\w{0,29}")
_NAMELIKE_SHARE = 0.05
_FEWEST_ROWS = 20
# Numbers, dates, web addresses and digests: what an export has beside its texts.
_NO_TEXT = re.compile(r"[-+]?\d[\d.,:/TZ -]*|https?://\S+|[0-9a-f]{32,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FEWEST_CELLS = 3
_FEWEST_EQUAL_CELLS = 10

Cells = Sequence[str]


@dataclass(frozen=True)
class Columns:
    """How to read a row: places of the source and the references, counted from 0; without any, all but the first.

    `header` is whether the first line holds names; `note` says what was understood, where that is not plain.
    """

    source: int = 0
    targets: tuple[int, ...] = field(default=())
    header: bool = False
    note: str = ""

    def pick(self, cells: Cells) -> tuple[str, tuple[str, ...]]:
        """Source and references of a row; what a short row lacks is empty."""
        if not self.targets:
            return (cells[0] if cells else ""), tuple(cells[1:])
        source = cells[self.source] if self.source < len(cells) else ""
        return source, tuple(cells[place] for place in self.targets if place < len(cells))


def find_columns(rows: Sequence[Cells], sides: tuple[str, str], name: str) -> Columns:
    """Understand a table from its first rows.

    Args:
        rows: The first rows, a header among them if there is one.
        sides: corpus.source and corpus.target, which a header may name.
        name: Names the file in messages.

    Raises:
        SeqlabError: a column that would be a source or a reference holds no text.
    """
    if not rows:
        return Columns()
    named = _by_name(rows[0], sides)
    if named is not None:
        return named
    shown = ", ".join(rows[0])
    columns = Columns(header=True, note=f"line 1 was taken for names of columns, not for text: {shown}")
    if not _is_header(rows):
        columns = Columns()
    _refuse_other_columns(rows[columns.header :], name)
    return columns


def _by_name(first: Cells, sides: tuple[str, str]) -> Columns | None:
    names = [cell.strip().casefold() for cell in first]
    source = next((names.index(each) for each in (sides[0].casefold(), *_SOURCES) if each in names), None)
    wanted = "|".join(map(re.escape, (sides[1].casefold(), *_TARGETS)))
    targets = tuple(place for place, each in enumerate(names) if re.fullmatch(rf"({wanted})[ _-]?\d*", each))
    if source is None or not targets or source in targets:
        return None
    others = [cell for place, cell in enumerate(first) if place not in (source, *targets)]
    note = f"line 1 names the columns: source {first[source]}, references {', '.join(first[each] for each in targets)}"
    return Columns(source, targets, True, note + (f"; left alone: {', '.join(others)}" if others else ""))


def _is_header(rows: Sequence[Cells]) -> bool:
    """Whether the first row alone looks like names: single words, where the rows below it are sentences."""
    below = rows[1:]
    if len(below) < _FEWEST_ROWS or not _are_names(rows[0]):
        return False
    return sum(map(_are_names, below)) < _NAMELIKE_SHARE * len(below)


def _are_names(cells: Cells) -> bool:
    return len(cells) > 1 and all(_NAME.fullmatch(cell.strip()) for cell in cells)


def _refuse_other_columns(rows: Sequence[Cells], name: str) -> None:
    width = max(map(len, rows), default=0)
    if width < 3:
        # Both are needed, and numbers may be what is translated, into words or from them.
        _refuse_numbers_alone(rows, name)
        return
    for place in range(width):
        cells = [row[place].strip() for row in rows if len(row) > place and row[place].strip()]
        if _is_no_text(cells):
            raise SeqlabError(
                f"{name}: column {place + 1} of {width} holds no text, such as {cells[0]!r:.40}, and all columns but "
                "the first are taken for references: keep the columns of text alone (such as `cut -f2,4`), or begin "
                "the file with a line of names, one of them source and one target; the others are then left alone"
            )


def _refuse_numbers_alone(rows: Sequence[Cells], name: str) -> None:
    sides = [[row[place].strip() for row in rows if len(row) > place and row[place].strip()] for place in (0, 1)]
    # "3 1 2" is a sequence, as toy tasks have them.
    if all(_is_no_text(cells) and not any(" " in cell for cell in cells) for cells in sides):
        raise SeqlabError(
            f"{name}: both sides are numbers alone, or the like, such as {sides[0][0]!r:.40} and {sides[1][0]!r:.40}, "
            "as ids and scores are: keep the text; or if these are to be translated, begin with a line of names, "
            "source and target"
        )


def _is_no_text(cells: Iterable[str]) -> bool:
    found = list(cells)
    if len(found) >= _FEWEST_EQUAL_CELLS and len(set(found)) == 1:
        return True
    return len(found) >= _FEWEST_CELLS and all(map(_NO_TEXT.fullmatch, found))
