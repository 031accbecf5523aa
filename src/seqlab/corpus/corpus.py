"""A corpus as its module hands it to the build."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example


@dataclass(frozen=True, slots=True)
class Corpus:
    """Parallel text from one side to another, with what its manifest says.

    Attributes:
        splits: Examples of train, valid and test; each is read once, valid and test before train.
        task: translation, conversation, summarisation, headline or your own.
        licence: As stated by the publisher.
        citation: What to cite.
        origin: Files it was made from: `url`, `sha256`, `bytes` of each.
        notes: What a reader must know of what was done to the text.
        counts: How often each thing was done to it; complete once all splits have been read.
    """

    splits: Mapping[str, Iterable[Example]]
    task: str
    licence: str
    citation: str
    origin: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def check_sides(name: str, source: str, target: str, directions: list[tuple[str, str]]) -> None:
    """Refuse a direction that a corpus lacks.

    Raises:
        SeqlabError: it names the directions that the corpus has.
    """
    if (source, target) in directions:
        return
    have = ", ".join(f"{one} → {other}" for one, other in directions)
    raise SeqlabError(
        f"corpus {name} has no {source} → {target}; set corpus.source and corpus.target to one of: {have}"
    )
