"""SCAN: commands such as `jump twice` to sequences of actions (Lake and Baroni 2018), in four of its splits."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus.corpus import Corpus, check_sides
from seqlab.corpus.fetching.download import download
from seqlab.corpus.fetching.pin import Pin
from seqlab.corpus.grouping import rank
from seqlab.corpus.lines import decode_lines
from seqlab.params.corpus import CorpusParams, ScanParams

_BASE = "https://raw.githubusercontent.com/brendenlake/SCAN/c4b756cbc010d75c912f16c42c8f15dc6b7e6c8f"


def _pin(folder: str, name: str, size: int, sha256: str) -> Pin:
    return Pin(f"scan/{name}.txt", f"{_BASE}/{folder}/{name}.txt", sha256, size)


# By split: what is trained and validated on, and what is tested on.
PINS = {
    "simple": (
        _pin(
            "simple_split", "tasks_train_simple", 3_267_938,
            "941bb8a088c5f53ceff12fde902dc008933cf0c4203cc672c47b5f79d73262dd",
        ),
        _pin(
            "simple_split", "tasks_test_simple", 812_450,
            "1fe1c8f5a19d0dc40e41bab94278f45f66f3dc415a978bd29855a23440610fc6",
        ),
    ),
    "length": (
        _pin(
            "length_split", "tasks_train_length", 2_723_418,
            "b034212dc7cf87ce62f3a067dd6ad49c4d5cd18d51d615d13825516bcb1ebbc2",
        ),
        _pin(
            "length_split", "tasks_test_length", 1_356_970,
            "0760752ed34a75116ae11dcc1ee17526b7500060da1366540730fa24894d7db3",
        ),
    ),
    "addprim_jump": (
        _pin(
            "add_prim_split", "tasks_train_addprim_jump", 2_579_619,
            "e3c78485692e028eed4205e1b8b3fd0e785ef2c12d45b5b89204dadf5b239e23",
        ),
        _pin(
            "add_prim_split", "tasks_test_addprim_jump", 1_531_555,
            "8147ae2651422c701162e174d9d66158daa57858a26b30317ac61797118ac7a5",
        ),
    ),
    "addprim_turn_left": (
        _pin(
            "add_prim_split", "tasks_train_addprim_turn_left", 3_974_537,
            "1b3fed86055dd7689d217f1b90cc8960aeb1cf200f4f209dc47935761b05304c",
        ),
        _pin(
            "add_prim_split", "tasks_test_addprim_turn_left", 173_679,
            "15a82c2d25ac7c3c1fff7e18051fb085974ef3617de895c520d02144396a10e2",
        ),
    ),
}  # fmt: skip

LICENCE = "BSD (SCAN, built upon Facebook's CommAI-env)"
CITATION = (
    "Brenden Lake and Marco Baroni (2018). Generalization without Systematicity: On the Compositional Skills of "
    "Sequence-to-Sequence Recurrent Networks. https://arxiv.org/abs/1711.00350."
)
_LINE = re.compile(r"IN: ([a-z]+(?: [a-z]+)*) OUT: ([A-Z_]+(?: [A-Z_]+)*)")


def load(params: CorpusParams, cache: Path) -> Corpus:
    """Commands to actions, in the published split; valid is split off from its train.

    Raises:
        SeqlabError: other sides, too few commands for the split, a line of another form, or a file cannot be had.
    """
    check_sides("scan", params.source, params.target, [("command", "actions")])
    train, test = PINS[params.scan.split]
    counts: Counter[str] = Counter()
    valid_and_train = _split(list(_examples(download(train, cache))), params.scan, counts)
    return Corpus(
        splits=valid_and_train | {"test": list(_examples(download(test, cache)))},
        task="instruction following",
        licence=LICENCE,
        citation=CITATION,
        origin=[train.origin(), test.origin()],
        notes=["valid was split off from train by us, all copies of a command together: repeated ones stay in train"],
        counts=counts,
    )


def _examples(path: Path) -> Iterator[Example]:
    with open(path, "rb") as stream:
        for number, line in enumerate(decode_lines(stream, path.name), start=1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise SeqlabError(
                    f"{path.name}, line {number}: expected IN: command OUT: ACTIONS, single spaces between words; "
                    f"found {line!r:.80}"
                )
            yield Example(match[1], (match[2],))


def _split(examples: list[Example], params: ScanParams, counts: Counter[str]) -> dict[str, list[Example]]:
    """Split off the commands of lowest rank among those that occur once.

    The command that is repeated in the splits `addprim` is all that train says of its primitive: to validate on it
    would be to train without it.
    """
    times = Counter(example.source for example in examples)
    once = [source for source, count in times.items() if count == 1]
    if len(once) < params.valid_size:
        raise SeqlabError(
            f"scan has {len(once)} commands that occur once in train, too few for corpus.scan.valid_size "
            f"{params.valid_size}; choose a smaller one"
        )
    chosen = dict.fromkeys(sorted(once, key=lambda each: rank(params.seed, each))[: params.valid_size])
    counts["lines of train that repeat a command"] += len(examples) - len(times)
    found = {example.source: example for example in examples}
    return {
        "train": [example for example in examples if example.source not in chosen],
        "valid": [found[source] for source in chosen],
    }
