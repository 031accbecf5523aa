"""The user's own parallel text, with given splits or a split by us."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from seqlab.corpus.corpus import Corpus
from seqlab.corpus.grouping import lowest_ranks, rank
from seqlab.corpus.own_text import Row, read_rows, resolve
from seqlab.errors import SeqlabError
from seqlab.parallel import Example
from seqlab.params.corpus import CorpusParams, FilesParams


def load(params: CorpusParams, own: Path) -> Corpus:
    """Text below `own`, as it is. Splits that are not given are split off from train, all of a source text together.

    Rows empty on both sides are left out; rows empty on one side are left out of train and refused in valid and test.

    Raises:
        SeqlabError: as `own_text`, here or while the splits are read; or train is not named, or is too small to split.
    """
    files = params.files
    if not files.train:
        raise SeqlabError("corpus.files.train is empty; name your files in data/own/ there")
    given = {split: resolve(names, own) for split, names in _names(files).items() if names}
    sizes = {
        split: size for split, size in (("test", files.test_size), ("valid", files.valid_size)) if split not in given
    }
    counts: Counter[str] = Counter()
    splits: dict[str, Iterable[Example]] = {
        split: _examples(paths, split, counts) for split, paths in given.items() if split != "train"
    }
    return Corpus(
        splits=splits | _split(given["train"], sizes, files.seed, counts),
        task="your own",
        licence="your own",
        citation="",
        origin=[_origin(own, name) for names in _names(files).values() for name in names],
        notes=[f"{split} was split off from train, all rows of a source text together" for split in sorted(sizes)],
        counts=counts,
    )


def _names(files: FilesParams) -> dict[str, list[str]]:
    return {"train": files.train, "valid": files.valid, "test": files.test}


def _origin(own: Path, name: str) -> dict[str, Any]:
    with open(own / name, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"url": f"data/own/{name}", "sha256": digest, "bytes": (own / name).stat().st_size}


def _examples(paths: list[Path], split: str, counts: Counter[str]) -> Iterator[Example]:
    for row in read_rows(paths):
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
    paths: list[Path],
    sizes: dict[str, int],
    seed: int,
    counts: Counter[str],
) -> dict[str, Iterable[Example]]:
    """Split off the source texts of lowest rank. Reads train once for the ranks, once for them, once for the rest."""
    if not sizes:
        return {"train": _examples(paths, "train", counts)}
    wanted = sum(sizes.values())
    ranks = lowest_ranks((rank(seed, example.source) for example in _unnoted(paths)), wanted + 1)
    if len(ranks) <= wanted:
        raise SeqlabError(
            f"corpus.files.train has {len(ranks)} different source texts, too few to split off "
            f"{' and '.join(f'{split}_size {size}' for split, size in sizes.items())}; choose smaller sizes"
        )
    held_out = _gathered(paths, seed, ranks[:wanted])
    in_order = iter(held_out.values())
    rows = _examples(paths, "train", counts)
    return {split: list(islice(in_order, size)) for split, size in sizes.items()} | {
        "train": (example for example in rows if rank(seed, example.source) not in held_out)
    }


def _unnoted(paths: list[Path]) -> Iterator[Example]:
    return _examples(paths, "train", Counter())


def _gathered(paths: list[Path], seed: int, ranks: list[int]) -> dict[int, Example]:
    """The source texts with these ranks, in this order, each with all its different references."""
    references: dict[int, dict[str, None]] = {number: {} for number in ranks}
    sources: dict[int, str] = {}
    for example in _unnoted(paths):
        number = rank(seed, example.source)
        if number in references:
            sources[number] = example.source
            references[number] |= dict.fromkeys(example.references)
    return {number: Example(sources[number], tuple(references[number])) for number in ranks}
