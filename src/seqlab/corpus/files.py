"""The user's own parallel text, with given splits or a split by us."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus.corpus import Corpus
from seqlab.corpus.grouping import lowest_ranks, rank
from seqlab.corpus.own.own_text import OwnText, Row, resolve, understand
from seqlab.params.corpus import CorpusParams, FilesParams
from seqlab.system.terminal import say


def load(params: CorpusParams, own: Path) -> Corpus:
    """Text below `own`, as it is. Splits that are not given are split off from train, all of a source text together.

    Rows empty on both sides are left out; rows empty on one side are left out of train and refused in valid and test.
    What the files were understood as goes to standard error, with an example.

    Raises:
        SeqlabError: as `own_text`, here or while the splits are read; or train is too small to split.
    """
    files = params.files
    sides = (params.source, params.target)
    given = {split: understand(resolve(names, own), sides) for split, names in _names(files).items() if names}
    for text in given.values():
        _say(text)
    sizes = {
        split: size for split, size in (("test", files.test_size), ("valid", files.valid_size)) if split not in given
    }
    counts: Counter[str] = Counter()
    splits: dict[str, Iterable[Example]] = {
        split: _examples(text, split, counts) for split, text in given.items() if split != "train"
    }
    return Corpus(
        splits=splits | _split(given["train"], sizes, files.seed, counts),
        task="your own",
        licence="your own",
        citation="",
        origin=[_origin(own, name) for names in _names(files).values() for name in names],
        notes=[
            *(f"{text.name}: {text.columns.note}" for text in given.values() if text.columns.note),
            *(f"{split} was split off from train, all rows of a source text together" for split in sorted(sizes)),
        ],
        counts=counts,
    )


def _say(text: OwnText) -> None:
    if text.columns.note:
        say(f"download: {text.name}: {text.columns.note}", err=True)
    row = next((row for row in text.rows() if row.source.strip() and any(map(str.strip, row.targets))), None)
    if row is not None:
        target = next(filter(str.strip, row.targets))
        others = f" and {len(row.targets) - 1} more" if len(row.targets) > 1 else ""
        # As Python writes it: a text may hold what a terminal obeys.
        say(
            f"download: {text.name}: understood as source {row.source!r:.60}, reference {target!r:.60}{others} "
            f"(line {row.line})",
            err=True,
        )


def _names(files: FilesParams) -> dict[str, list[str]]:
    return {"train": files.train, "valid": files.valid, "test": files.test}


def _origin(own: Path, name: str) -> dict[str, Any]:
    with open(own / name, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"url": f"data/own/{name}", "sha256": digest, "bytes": (own / name).stat().st_size}


def _examples(text: OwnText, split: str, counts: Counter[str]) -> Iterator[Example]:
    for row in text.rows():
        targets = tuple(target for target in row.targets if target.strip())
        if row.source.strip() and targets:
            yield Example(row.source, targets)
        else:
            counts[_dropped(row, split, bool(targets))] += 1


def _dropped(row: Row, split: str, has_target: bool) -> str:
    if not row.source.strip() and not has_target:
        return f"rows of {split} left out: both sides are empty"
    if split == "train":
        return "rows of train left out: one side is empty"
    raise SeqlabError(
        f"{row.file}, line {row.line}: one side is empty; {split} is not shortened silently: correct or remove the row"
    )


def _split(
    text: OwnText,
    sizes: dict[str, int],
    seed: int,
    counts: Counter[str],
) -> dict[str, Iterable[Example]]:
    """Split off the source texts of lowest rank. Reads train once for the ranks, once for them, once for the rest."""
    if not sizes:
        return {"train": _examples(text, "train", counts)}
    wanted = sum(sizes.values())
    ranks = lowest_ranks((rank(seed, example.source) for example in _unnoted(text)), wanted + 1)
    if len(ranks) <= wanted:
        raise SeqlabError(
            f"corpus.files.train has {len(ranks)} different source texts, too few to split off "
            f"{' and '.join(f'{split}_size {size}' for split, size in sizes.items())}; choose smaller sizes"
        )
    held_out = _gathered(text, seed, ranks[:wanted])
    in_order = iter(held_out.values())
    rows = _examples(text, "train", counts)
    return {split: list(islice(in_order, size)) for split, size in sizes.items()} | {
        "train": (example for example in rows if rank(seed, example.source) not in held_out)
    }


def _unnoted(text: OwnText) -> Iterator[Example]:
    return _examples(text, "train", Counter())


def _gathered(text: OwnText, seed: int, ranks: list[int]) -> dict[int, Example]:
    """The source texts with these ranks, in this order, each with all its different references."""
    references: dict[int, dict[str, None]] = {number: {} for number in ranks}
    sources: dict[int, str] = {}
    for example in _unnoted(text):
        number = rank(seed, example.source)
        if number in references:
            sources[number] = example.source
            references[number] |= dict.fromkeys(example.references)
    return {number: Example(sources[number], tuple(references[number])) for number in ranks}
