"""DialogSum: everyday dialogues with summaries and topics (Chen et al. 2021)."""

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus.corpus import Corpus, check_sides
from seqlab.corpus.fetching.archive import open_zip_member
from seqlab.corpus.fetching.download import download
from seqlab.corpus.fetching.pin import Pin
from seqlab.corpus.grouping import fold
from seqlab.corpus.lines import decode_lines
from seqlab.corpus.tidying import tidy, tidy_lines
from seqlab.params.corpus import CorpusParams

# The corrected valid and test splits are published as JSON Lines; of train, this commit's archive is pinned.
TRAIN = Pin(
    path="dialogsum/DialogSum_Data.zip",
    url="https://raw.githubusercontent.com/cylnlp/dialogsum/9a79c6b7a768020c97b44e955312dd68172c34f4/DialogSum_Data.zip",
    sha256="640e43ee9a208f79618de9ce8f3dd2b56fdbb5fe81e619189fbba033254387f4",
    size=4_145_589,
)
TRAIN_MEMBER = "DialogSum_Data/dialogsum.train.jsonl"
_BASE = "https://raw.githubusercontent.com/cylnlp/dialogsum/848cc8c05e0a04def79326539de827f1b28786a0/DialogSum_Data"
VALID = Pin(
    path="dialogsum/dialogsum.dev.jsonl",
    url=f"{_BASE}/dialogsum.dev.jsonl",
    sha256="436721e0a3571eef7072964f80e042fb151d8c6178db1a688ce8f803bbf0a13f",
    size=471_830,
    gzipped_in_mirror=True,
)
TEST = Pin(
    path="dialogsum/dialogsum.test.jsonl",
    url=f"{_BASE}/dialogsum.test.jsonl",
    sha256="6de36eca7e7b9b10975fd5ea3f47391df172d8b3c15d03d84d763cbaab015fda",
    size=639_707,
    gzipped_in_mirror=True,
)

LICENCE = "CC BY-NC-SA 4.0; the copyright of dialogue data in DialogSum dataset belongs to users who created them"
CITATION = (
    "Yulong Chen, Yang Liu, Liang Chen and Yue Zhang (2021). DialogSum: A Real-Life Scenario Dialogue Summarization "
    "Dataset. https://aclanthology.org/2021.findings-acl.449."
)
DIRECTIONS = {
    ("turn", "reply"): "conversation",
    ("dialogue", "summary"): "summarisation",
    ("dialogue", "topic"): "headline",
}

Row = dict[str, str]
# `#Person1#: `; three turns of train have a blank before it, `#PErson2#` and `#PersonN#`, one of test no blank after.
_SPEAKER = re.compile(r"\s*#(Person\w+)#:\s*", re.IGNORECASE)


def load(params: CorpusParams, cache: Path) -> Corpus:
    """A turn to its reply, a dialogue to its summary, or a dialogue to its topic (three references in test).

    Raises:
        SeqlabError: other sides, or a file cannot be had.
    """
    check_sides("dialogsum", params.source, params.target, list(DIRECTIONS))
    counts: Counter[str] = Counter()
    rows = {
        "train": list(_archived_rows(download(TRAIN, cache))),
        "valid": list(_json_rows(download(VALID, cache))),
        "test": list(_json_rows(download(TEST, cache))),
    }
    replies = params.target == "reply"
    return Corpus(
        splits=_replies(rows, counts) if replies else _descriptions(rows, params.target, counts),
        task=DIRECTIONS[params.source, params.target],
        licence=LICENCE,
        citation=CITATION,
        origin=[pin.origin() for pin in (TRAIN, VALID, TEST)],
        notes=[_REPLY_NOTE if replies else _DIALOGUE_NOTE],
        counts=counts,
    )


_REPLY_NOTE = "a turn and the next turn, by another speaker, are a pair; the speaker's name before a turn is left out"
_DIALOGUE_NOTE = "each turn of a dialogue is a line, with its speaker, as summaries name speakers"


def _archived_rows(path: Path) -> Iterator[Row]:
    # Each line of the archive is a Python literal, not JSON.
    with open_zip_member(path, TRAIN_MEMBER) as stream:
        yield from _rows(stream, TRAIN_MEMBER, ast.literal_eval)


def _json_rows(path: Path) -> Iterator[Row]:
    with open(path, "rb") as stream:
        yield from _rows(stream, path.name, json.loads)


def _rows(stream: Iterable[bytes], name: str, parse: Callable[[str], Row]) -> Iterator[Row]:
    for number, line in enumerate(decode_lines(stream, name), start=1):
        try:
            row = parse(line)
            if "dialogue" not in row or not all(isinstance(field, str) for field in row.values()):
                raise ValueError("no dialogue, or a field that is not text")
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, AttributeError) as error:
            raise SeqlabError(f"{name}, line {number}: not a dialogue of DialogSum ({error})") from None
        yield row


def _descriptions(rows: dict[str, list[Row]], target: str, counts: Counter[str]) -> dict[str, list[Example]]:
    """Dialogue to summary or topic; those of valid and test that recur in train, respaced, are not trained on."""
    held_out = {_content(row) for split in ("valid", "test") for row in rows[split]}
    kept = [row for row in rows["train"] if _content(row) not in held_out]
    counts["dialogues of train dropped: the same turns are in valid or test"] += len(rows["train"]) - len(kept)
    return {
        split: [_description(row, target, counts) for row in dialogues]
        for split, dialogues in (rows | {"train": kept}).items()
    }


def _content(row: Row) -> str:
    return fold(" ".join(_turn(line, Counter())[1] for line in row["dialogue"].split("\n")))


def _description(row: Row, target: str, counts: Counter[str]) -> Example:
    # Test has `summary1` to `summary3` instead of `summary`.
    references = (text for field, text in row.items() if field.rstrip("123") == target)
    return Example(tidy_lines(row["dialogue"], counts), tuple(tidy(text, counts) for text in references))


def _replies(rows: dict[str, list[Row]], counts: Counter[str]) -> dict[str, list[Example]]:
    """Turn to reply. Pairs of valid and test that occur in train, as some dialogues share turns, are not trained on."""
    pairs = {split: _pairs(dialogues, split, counts) for split, dialogues in rows.items()}
    held_out = {_key(pair) for split in ("valid", "test") for pair in pairs[split]}
    kept = [pair for pair in pairs["train"] if _key(pair) not in held_out]
    counts["pairs of train dropped: the same pair is in valid or test"] += len(pairs["train"]) - len(kept)
    return {
        split: [Example(turn, (reply,)) for turn, reply in found] for split, found in (pairs | {"train": kept}).items()
    }


def _pairs(dialogues: list[Row], split: str, counts: Counter[str]) -> list[tuple[str, str]]:
    pairs = []
    for row in dialogues:
        turns = [_turn(line, counts) for line in row["dialogue"].split("\n")]
        for (speaker, turn), (answerer, reply) in pairwise(turns):
            if not turn or not reply:
                counts[f"pairs of {split} dropped: a turn is empty"] += 1
            elif speaker == answerer:
                counts[f"pairs of {split} dropped: both turns are by one speaker"] += 1
            else:
                pairs.append((turn, reply))
    return pairs


def _turn(line: str, counts: Counter[str]) -> tuple[str, str]:
    """Speaker and text of a turn; a turn that names no speaker has a nameless one."""
    match = _SPEAKER.match(line)
    if match is None:
        return "", tidy(line, counts)
    return match[1].casefold(), tidy(line[match.end() :], counts)


def _key(pair: tuple[str, str]) -> tuple[str, ...]:
    return tuple(fold(text) for text in pair)
