"""What a file of one's own really is: UTF-8 text, perhaps gzipped, or something that would only look like text."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from seqlab.core.errors import SeqlabError
from seqlab.corpus.fetching.archive import MEMBER_LIMIT, open_gzip

_HEAD_BYTES = 4096
_GZIP = b"\x1f\x8b"
# Text shrinks to a third, a very regular one to a hundredth; Deflate's limit is a thousandth.
_MOST_GROWTH = 200
# What a file begins with; None of it is text in the form that a corpus has.
_OTHER_FORMS = (
    (rb"PK\x03\x04", "a zip archive or a spreadsheet: unpack it, or export it as .csv"),
    (rb"BZh[1-9]1AY&SY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd|7z\xbc\xaf", "compressed: unpack it, or use gzip"),
    (rb"%PDF-|\{\\rtf|\xd0\xcf\x11\xe0", "a document: export it as text"),
    (rb"SQLite format 3\x00|PAR1|ARROW1", "a database or a table of another form: export it as .csv or .jsonl"),
    (rb"(?i)\s*(<\?xml|<!doctype|<html|<tmx|<xliff)", "XML or HTML: export its texts as .tsv, .csv or .jsonl"),
    (rb"\xff\xfe|\xfe\xff|\x00\x00\xfe\xff", "UTF-16 or UTF-32: save it as UTF-8 (`iconv -f UTF-16 -t UTF-8`)"),
    # In as much of it as is looked at, there is no other line end.
    (rb"(?:[^\r\n]*\r){3}[^\n]*\Z", "text whose lines end with carriage returns alone: `tr '\\r' '\\n'` mends it"),
    (rb"(?s).*\x1b[$(]", "ISO-2022, not UTF-8: save it as UTF-8 (`iconv -f ISO-2022-JP -t UTF-8`)"),
)
# UTF-16 of Latin letters is every other byte 0; a text has hardly any.
_NUL_SHARE = 0.2
_FEWEST_TEXTS = 10


@contextmanager
def open_text(path: Path) -> Iterator[BinaryIO]:
    """Open a file of text for its bytes, those of a gzipped one decompressed.

    Raises:
        SeqlabError: it is something else than text; while reading: it is damaged, or so small for what it holds that it
            is no text.
    """
    with open(path, "rb") as file:
        zipped = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if not zipped:
            if path.suffix.casefold() == ".gz":
                raise SeqlabError(f"{path.name} is not gzipped, as its name says: unpack it, or correct its name")
            _refuse_other_forms(file.read(_HEAD_BYTES), path.name)
            file.seek(0)
            yield file
            return
    limit = max(MEMBER_LIMIT, _MOST_GROWTH * path.stat().st_size)
    with open_gzip(path, limit) as stream:
        _refuse_other_forms(stream.read(_HEAD_BYTES), path.name)
    with open_gzip(path, limit) as stream:
        yield stream


def _refuse_other_forms(head: bytes, name: str) -> None:
    for pattern, what in _OTHER_FORMS:
        if re.match(pattern, head):
            raise SeqlabError(f"{name} is {what}")
    if head.count(0) > _NUL_SHARE * len(head):
        raise SeqlabError(f"{name} is UTF-16 or UTF-32: save it as UTF-8 (`iconv -f UTF-16LE -t UTF-8`)")


def refuse_double_encoding(texts: Iterable[str], name: str) -> None:
    """Refuse text whose UTF-8 was once read as windows-1252 and saved as UTF-8 again: `Ã©` for `é`.

    Raises:
        SeqlabError: most texts that are not ASCII are such.
    """
    accented = [text for text in texts if not text.isascii()]
    doubled = [(text, again) for text in accented if (again := _decoded_again(text)) is not None]
    if len(accented) >= _FEWEST_TEXTS and 2 * len(doubled) > len(accented):
        text, again = doubled[0]
        raise SeqlabError(
            f"{name} was UTF-8 once, was read as windows-1252 and saved again: {text!r:.60} is {again!r:.60}; "
            "undo it (`iconv -f UTF-8 -t WINDOWS-1252`)"
        )


def _decoded_again(text: str) -> str | None:
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return None
