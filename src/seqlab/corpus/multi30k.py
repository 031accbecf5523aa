"""Multi30k: captions of photographs in English, German and French (Elliott et al. 2016, 2017)."""

from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus.corpus import Corpus, check_sides
from seqlab.corpus.fetching.archive import open_gzip
from seqlab.corpus.fetching.download import download
from seqlab.corpus.fetching.pin import Pin
from seqlab.corpus.lines import decode_lines
from seqlab.corpus.tidying import tidy
from seqlab.params.corpus import CorpusParams

LANGUAGES = ("en", "de", "fr")

_BASE = "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw"


def _pin(name: str, size: int, sha256: str) -> Pin:
    return Pin(f"multi30k/{name}.gz", f"{_BASE}/{name}.gz", sha256, size)


PINS = {
    name: _pin(name, size, sha256)
    for name, size, sha256 in (
        ("train.en", 568_929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"),
        ("train.de", 637_044, "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"),
        ("train.fr", 604_242, "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c"),
        ("val.en", 21_650, "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"),
        ("val.de", 24_681, "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"),
        ("val.fr", 23_001, "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9"),
        ("test_2016_flickr.en", 21_077, "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"),
        ("test_2016_flickr.de", 22_890, "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"),
        ("test_2016_flickr.fr", 22_310, "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90"),
        ("test_2017_flickr.en", 19_138, "76a444ee25172e72695cddb13ae4a3bda59430617be88e0bb46b60504f054074"),
        ("test_2017_flickr.de", 21_471, "a2c89666db00c495cd8513b9d708d5a3acc205d7de312ef2bf5fb7ebc1540aee"),
        ("test_2017_flickr.fr", 20_434, "3ba671ceb2299f3304ffafefea7a833d08632fbaf0ba18546f8a2ec2391af496"),
    )
}

LICENCE = (
    "The images' terms (Flickr30K): for researchers and educators who wish to use the dataset for non-commercial "
    "research and/or educational purposes. The repository states no other licence."
)
CITATION = (
    "Desmond Elliott, Stella Frank, Khalil Sima'an and Lucia Specia (2016). Multi30K: Multilingual English-German "
    "Image Descriptions. https://aclanthology.org/W16-3210. French, and the 2017 test set: Desmond Elliott, Stella "
    "Frank, Loïc Barrault, Fethi Bougares and Lucia Specia (2017). Findings of the Second Shared Task on Multimodal "
    "Machine Translation and Multilingual Image Description. https://aclanthology.org/W17-4718."
)

# train.de has it for two captions that nobody translated.
_MISSING = "@@"


def load(params: CorpusParams, cache: Path) -> Corpus:
    """Any of en, de, fr into any other; the 2016 or 2017 Flickr test set.

    Raises:
        SeqlabError: another language, or a file cannot be had.
    """
    check_sides("multi30k", params.source, params.target, list(permutations(LANGUAGES, 2)))
    stems = {"train": "train", "valid": "val", "test": f"test_{params.multi30k.test}_flickr"}
    sides = {
        split: [PINS[f"{stem}.{side}"] for side in (params.source, params.target)] for split, stem in stems.items()
    }
    counts: Counter[str] = Counter()
    return Corpus(
        splits={split: _examples(split, pins, cache, counts) for split, pins in sides.items()},
        task="translation",
        licence=LICENCE,
        citation=CITATION,
        origin=[pin.origin() for pins in sides.values() for pin in pins],
        counts=counts,
    )


def _examples(split: str, pins: list[Pin], cache: Path, counts: Counter[str]) -> list[Example]:
    source, target = (list(_captions(download(pin, cache), counts)) for pin in pins)
    if len(source) != len(target):
        raise SeqlabError(f"multi30k: {pins[0].path} has {len(source)} captions, {pins[1].path} has {len(target)}")
    examples = [Example(one, (other,)) for one, other in zip(source, target, strict=True)]
    kept = [example for example in examples if _MISSING not in (example.source, *example.references)]
    if split != "train" and len(kept) < len(examples):
        raise SeqlabError(f"multi30k: the {split} split lacks a translation")
    counts[f"pairs of {split} dropped: the translation is missing ({_MISSING})"] += len(examples) - len(kept)
    return kept


def _captions(path: Path, counts: Counter[str]) -> Iterator[str]:
    with open_gzip(path) as stream:
        for line in decode_lines(stream, path.name):
            yield tidy(_unescaped(_unquoted(line), counts), counts)


def _unquoted(line: str) -> str:
    """Undo a spreadsheet's quoting of a caption that holds a TAB (train.de, line 7,366)."""
    return line[1:-1] if "\t" in line and line.startswith('"') and line.endswith('"') else line


def _unescaped(line: str, counts: Counter[str]) -> str:
    """Undo `&amp;`, the only HTML entity, met in training captions alone and rarely on both sides."""
    counts["captions in which &amp; became &"] += "&amp;" in line
    return line.replace("&amp;", "&")
