from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus import scan
from seqlab.corpus.build import build
from tests.corpus.samples import corpus_params, manifest_of, note, publish, splits_of, text_of

REPEATED = "IN: hop OUT: I_HOP"
TRAIN = [
    REPEATED,
    *(f"IN: skip {'and skip ' * count}twice OUT: {'I_SKIP ' * count}I_SKIP" for count in range(10)),
    REPEATED,
    "IN: spin OUT: I_SPIN I_SPIN",
    REPEATED,
]
TEST = ["IN: hop twice OUT: I_HOP I_HOP"]


def _publish(train: list[str], mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = tuple(
        publish(mirror, f"scan/tasks_{name}_simple.txt", text_of(*lines))
        for name, lines in (("train", train), ("test", TEST))
    )
    monkeypatch.setattr(scan, "PINS", {"addprim_jump": pins})


@pytest.fixture(autouse=True)
def _corpus(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _publish(TRAIN, mirror, monkeypatch)


def _build(folder: Path, **options: int) -> dict[str, list[Example]]:
    params = corpus_params("scan", "command", "actions", split="addprim_jump", **options)
    build(params, folder / "raw", folder / "cache", folder)
    return splits_of(folder / "raw")


@pytest.mark.parametrize("seed", range(8))
def test_copies_of_a_command_stay_together_in_train(seed: int, tmp_path: Path) -> None:
    splits = _build(tmp_path, seed=seed, valid_size=7)
    assert splits["test"] == [Example("hop twice", ("I_HOP I_HOP",))]
    assert len(splits["valid"]) == 7
    assert splits["train"].count(Example("hop", ("I_HOP",))) == 3
    both = splits["train"] + splits["valid"]
    lines = [f"IN: {example.source} OUT: {' '.join(example.references)}" for example in both]
    assert sorted(lines) == sorted(TRAIN)
    manifest = manifest_of(tmp_path / "raw")
    assert note(manifest, "lines of train that repeat a command") == 2
    assert [manifest["splits"][split]["also_in_train"] for split in ("valid", "test")] == [0, 0]


def test_the_split_depends_on_the_seed_alone(tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _build(tmp_path / "1", seed=1)["valid"]
    assert first != _build(tmp_path / "2", seed=2)["valid"]
    assert first == _build(tmp_path / "3", seed=1, valid_size=5)["valid"][:2]
    _publish(TRAIN[::-1], mirror, monkeypatch)
    assert first == _build(tmp_path / "4", seed=1)["valid"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "IN: hop",
        "IN: OUT: I_HOP",
        "IN: hop OUT: ",
        "IN: hop OUT: I_HOP OUT: I_HOP",
        "IN: hop  twice OUT: I_HOP",
        "hop OUT: I_HOP",
        "IN: hop OUT: I_HOP ",
    ],
)
def test_a_line_of_another_form_is_refused(
    line: str, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish([*TRAIN, line], mirror, monkeypatch)
    with pytest.raises(SeqlabError, match=r"tasks_train_simple\.txt, line 15: expected IN: command OUT: ACTIONS"):
        _build(tmp_path)
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    ("source", "target", "size", "message"),
    [
        ("command", "actions", 12, r"11 commands that occur once in train, too few for corpus\.scan\.valid_size 12"),
        ("en", "fr", 2, "scan has no en → fr; .* command → actions"),
    ],
)
def test_what_it_lacks(source: str, target: str, size: int, message: str, tmp_path: Path) -> None:
    params = corpus_params("scan", source, target, split="addprim_jump", valid_size=size)
    with pytest.raises(SeqlabError, match=message):
        build(params, tmp_path / "raw", tmp_path / "cache", tmp_path)
