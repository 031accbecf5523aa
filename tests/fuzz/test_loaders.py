"""Damaged files from outside: a loader returns or raises SeqlabError."""

from pathlib import Path

import pytest

from tests.fuzz import planted
from tests.fuzz.catalogue import LOADERS
from tests.fuzz.loaders import Tally, fuzz, make_input

QUICK, LARGE = 100, 400


def test_the_samples_themselves_are_read(tmp_path: Path) -> None:
    for number, (name, make) in enumerate(LOADERS.items()):
        sample = make()
        for path, content in sample.files.items():
            target = tmp_path / str(number) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        assert sample.mutations, name
        sample.load(tmp_path / str(number))


def check(tallies: dict[str, Tally], inputs: int) -> None:
    assert {name: tally.findings for name, tally in tallies.items() if tally.findings} == {}
    assert {name: tally.inputs for name, tally in tallies.items()} == dict.fromkeys(LOADERS, inputs)
    # Loaders that pass over what they cannot use refuse nothing; checksums of every byte may refuse everything.
    forgiving, sealed = {"journal", "training state", "tag seqlab.files"}, {"source.zip"}
    forgiving |= {"watched journal", "last_sync.json", "experiment.json"}
    for name, tally in tallies.items():
        assert name in forgiving or tally.refused > 0, name
        assert name in sealed or tally.refused < inputs, name


def test_no_damage_is_worse_than_an_error() -> None:
    check(fuzz(list(LOADERS), QUICK, seed=1), QUICK)


@pytest.mark.slow
def test_no_damage_of_very_many_is_worse_than_an_error() -> None:
    check(fuzz(list(LOADERS), LARGE, seed=2), LARGE)


def test_an_input_is_made_from_its_number_alone(tmp_path: Path) -> None:
    sample = LOADERS["own .tsv"]()
    made = []
    for name in ("a", "b"):
        for number in (3, 4):
            make_input("own .tsv", sample, number, 1, tmp_path / name / str(number))
            made.append((tmp_path / name / str(number) / "train.tsv").read_bytes())
    assert made[:2] == made[2:]
    assert made[0] != made[1]


def test_what_a_loader_must_not_do_is_found_and_the_rest_goes_on() -> None:
    tallies = fuzz(list(planted.LOADERS), 2, seed=1, catalogue="tests.fuzz.planted", seconds=0.5)
    assert {tally.inputs for tally in tallies.values()} == {2}
    assert {name: tally.refused for name, tally in tallies.items() if tally.refused} == {"refuses": 2}
    found = {name: " ".join(tally.findings) for name, tally in tallies.items()}
    words = {"raises": "KeyError", "crashes": "Segmentation fault", "leaves": "SystemExit", "exhausts": "MemoryError"}
    assert all(word in found[name] for name, word in (words | {"hangs": "Timeout"}).items())
    assert found["refuses"] == ""
