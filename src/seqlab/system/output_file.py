"""A file that people name for what a command writes."""

from pathlib import Path

from seqlab.core.errors import SeqlabError


def replaced(path: Path) -> Path:
    """The file that is replaced by what is written to `path`: where a link leads, not the link.

    Raises:
        SeqlabError: it is a device or a pipe, which must not be replaced.
    """
    place = path.resolve()
    if place.exists() and not place.is_file():
        raise SeqlabError(f"{path} is no file: give one, or none for standard output")
    return place
