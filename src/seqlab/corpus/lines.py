"""Lines of UTF-8 text."""

import codecs
from collections.abc import Iterable, Iterator

from seqlab.core.errors import SeqlabError


def decode_lines(lines: Iterable[bytes], name: str) -> Iterator[str]:
    r"""Decode the lines of a file opened in binary mode, without their ends.

    Only `\n` and `\r\n` end a line: U+2028, form feeds and lone carriage returns are text. A byte order mark is
    no text.

    Raises:
        SeqlabError: a line is not valid UTF-8; it names the file and the line.
    """
    for number, line in enumerate(lines, start=1):
        content = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        try:
            yield _without_end(content).decode("utf-8")
        except UnicodeDecodeError as error:
            raise SeqlabError(
                f"{name}, line {number}: not valid UTF-8 (byte 0x{content[error.start]:02x}, {error.reason}); "
                "save the file as UTF-8"
            ) from None


def _without_end(line: bytes) -> bytes:
    return line[:-1].removesuffix(b"\r") if line.endswith(b"\n") else line
