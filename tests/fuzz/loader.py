"""A reader of files from outside, with a valid sample."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.mutations import Mutation


@dataclass(frozen=True)
class Loader:
    """A reader of files from outside.

    Attributes:
        files: A valid sample: path below a folder → content.
        mutations: How each file of the sample is damaged; the others stay.
        load: Reads the sample's folder.
        repair: Makes checksums in the folder fit again, so that damage gets past them.
    """

    files: Mapping[str, bytes]
    mutations: Mapping[str, Mutation]
    load: Callable[[Path], object]
    repair: Callable[[Path], None] | None = None
