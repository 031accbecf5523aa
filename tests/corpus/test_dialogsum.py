import json
from pathlib import Path
from typing import Any

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus import dialogsum
from seqlab.corpus.build import build
from tests.corpus.samples import corpus_params, manifest_of, note, publish, splits_of, text_of, zipped

TRAIN = [
    # Python literals, apostrophes and all; three odd prefixes; an empty turn; one speaker twice.
    {
        "fname": "train_0",
        "dialogue": " #Person1#: Hi.  How's it\tgoing? \n#PErson2#: what's wrong?\n#PersonN#: Yes.\n#Person1#:Go on\n",
        "summary": "They greet \n#Person2#.",
        "topic": "\n\n hello",
    },
    {
        "fname": "train_1",
        "dialogue": "#Person1#: Bye!\n#Person1#: Bye again.\n#Person3#: \n#Person2#: So long.",
        "summary": 'He says "bye".',
        "topic": "bye",
    },
    # In valid too, spaced, written and told otherwise.
    {
        "fname": "train_2",
        "dialogue": "#Person1#: Is it you? \n#Person2#: It is I!",
        "summary": "It is he.",
        "topic": "it",
    },
]
VALID = [
    {"fname": "dev_0", "dialogue": "#Person2#: Is it you?\n#Person1#: it is I", "summary": "He it is.", "topic": "he"}
]
TEST = [
    {
        "fname": "test_0",
        "dialogue": "#Person1#: A #Person1#: b?\n#Person2#: C.",
        **{f"summary{n}": f"Summary\n{n}" for n in (1, 2, 3)},
        **{f"topic{n}": f"topic {n}" for n in (1, 2, 3)},
    }
]


@pytest.fixture(autouse=True)
def _corpus(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _publish(TRAIN, mirror, monkeypatch)
    for name, rows in (("VALID", VALID), ("TEST", TEST)):
        content = text_of(*(json.dumps(row) for row in rows))
        path = f"dialogsum/{name.lower()}.jsonl"
        monkeypatch.setattr(dialogsum, name, publish(mirror, path, content, gzipped_in_mirror=True))


def _publish(rows: list[Any], mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [row if isinstance(row, str) else repr(row) for row in rows]
    members = {
        "DialogSum_Data/dialogsum.train.jsonl": "\n".join(lines).encode(),
        "__MACOSX/DialogSum_Data/._dialogsum.train.jsonl": b"\0\5",
    }
    monkeypatch.setattr(dialogsum, "TRAIN", publish(mirror, "dialogsum/DialogSum_Data.zip", zipped(members)))


def _build(source: str, target: str, folder: Path) -> dict[str, list[Example]]:
    build(corpus_params("dialogsum", source, target), folder / "raw", folder / "cache", folder)
    return splits_of(folder / "raw")


def test_turn_to_reply(tmp_path: Path) -> None:
    splits = _build("turn", "reply", tmp_path)
    assert splits == {
        "train": [
            Example("Hi. How's it going?", ("what's wrong?",)),
            Example("what's wrong?", ("Yes.",)),
            Example("Yes.", ("Go on",)),
        ],
        "valid": [Example("Is it you?", ("it is I",))],
        "test": [Example("A #Person1#: b?", ("C.",))],
    }
    manifest = manifest_of(tmp_path / "raw")
    assert manifest["task"] == "conversation"
    # The dialogue train_0 ends with a line break: an empty turn.
    assert note(manifest, "pairs of train dropped: a turn is empty") == 3
    assert note(manifest, "pairs of train dropped: both turns are by one speaker") == 1
    assert note(manifest, "pairs of train dropped: the same pair is in valid or test") == 1


def test_dialogue_to_summary(tmp_path: Path) -> None:
    splits = _build("dialogue", "summary", tmp_path)
    first = "#Person1#: Hi. How's it going?\n#PErson2#: what's wrong?\n#PersonN#: Yes.\n#Person1#:Go on"
    second = "#Person1#: Bye!\n#Person1#: Bye again.\n#Person3#:\n#Person2#: So long."
    assert splits["train"] == [Example(first, ("They greet #Person2#.",)), Example(second, ('He says "bye".',))]
    assert splits["valid"] == [Example("#Person2#: Is it you?\n#Person1#: it is I", ("He it is.",))]
    assert splits["test"][0].references == ("Summary 1", "Summary 2", "Summary 3")
    manifest = manifest_of(tmp_path / "raw")
    assert manifest["task"] == "summarisation"
    assert manifest["splits"]["test"] == {**manifest["splits"]["test"], "examples": 1, "references": 3}
    assert note(manifest, "dialogues of train dropped") == 1


def test_dialogue_to_topic(tmp_path: Path) -> None:
    splits = _build("dialogue", "topic", tmp_path)
    assert [example.references for example in splits["train"]] == [("hello",), ("bye",)]
    assert splits["test"][0].references == ("topic 1", "topic 2", "topic 3")


@pytest.mark.parametrize(("source", "target"), [("turn", "summary"), ("dialogue", "reply"), ("en", "fr")])
def test_sides_it_lacks(source: str, target: str, tmp_path: Path) -> None:
    message = f"dialogsum has no {source} → {target}; .* turn → reply, dialogue → summary, dialogue → topic"
    with pytest.raises(SeqlabError, match=message):
        _build(source, target, tmp_path)
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    "line",
    [
        "__import__('os').mkdir('escaped')",
        "{'dialogue': open('/etc/passwd').read()}",
        "{'dialogue': 1}",
        "{'summary': 'a'}",
        "{[]: 'a'}",
        "['dialogue']",
        "{'dialogue'",
        "(" * 1000 + ")" * 1000,
    ],
)
def test_code_is_never_run(line: str, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _publish([TRAIN[0], line], mirror, monkeypatch)
    with pytest.raises(SeqlabError, match=r"dialogsum\.train\.jsonl, line 2: not a dialogue"):
        _build("turn", "reply", tmp_path)
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "raw").exists()
