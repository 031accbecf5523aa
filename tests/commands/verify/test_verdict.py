import json
from dataclasses import replace

import pytest

from seqlab.commands.verify.digest_table import Difference
from seqlab.commands.verify.verdict import Parting, Verdict, score_changes
from seqlab.tracking.fingerprint.canonical import canonical

HERE, THERE = (canonical({"system": "Linux", "cpu_vendor": vendor}) for vendor in ("AuthenticAMD", "GenuineIntel"))


def verdict(
    *differing: str, data: tuple[str, ...] = (), parting: Parting | None = None, numerics_class: str = HERE
) -> Verdict:
    return Verdict("tf1.00-h8-gru-abc", 20, list(differing), list(data), numerics_class, HERE, parting)


def test_reproduced() -> None:
    found = verdict()
    assert found.reproduced
    assert str(found) == (
        "reproduced: tf1.00-h8-gru-abc, 20 files, the same bytes, "
        "in numerics class cpu_vendor=AuthenticAMD system=Linux"
    )


@pytest.mark.parametrize(
    ("parting", "line"),
    [
        (
            Parting(9, 9, Difference(3, ("a", "b", "c"))),
            "first difference: optimizer step 3 of 9, tensor a (and 2 more",
        ),
        (Parting(9, 9, Difference(3, ("a",))), "first difference: optimizer step 3 of 9, tensor a\n"),
        (Parting(9, 9, Difference(0, ("a",))), "first difference: the initialisation, before any step, tensor a\n"),
        (Parting(9, 9, None), "the parameters are the same after each of 9 optimizer steps"),
        (Parting(9, 6, None), "the run has 9 optimizer steps, this 6"),
        (None, "at which step is not known"),
    ],
)
def test_where_the_trainings_part(parting: Parting | None, line: str) -> None:
    found = verdict("models/last/model.safetensors", parting=parting)
    assert not found.reproduced
    assert str(found).startswith("NOT REPRODUCED: tf1.00-h8-gru-abc, 1 of 20 files differ, in numerics class ")
    assert line in str(found)
    assert "differs: models/last/model.safetensors" in str(found)


def test_data_that_differ_already_are_named() -> None:
    assert "the data are the same" in str(verdict("x"))
    assert "the data differ already: data/tokenized/train" in str(verdict("x", data=("data/tokenized/train",)))


def test_another_numerics_class_is_said() -> None:
    differs = verdict("x", numerics_class=THERE)
    assert differs.same_class is False
    assert "as is to be expected where the run was made in numerics class cpu_vendor=GenuineIntel" in str(differs)
    assert "and this one in cpu_vendor=AuthenticAMD" in str(differs)
    assert "the same bytes, although the run was made in numerics class" in str(verdict(numerics_class=THERE))
    assert "the run's own class is not known" in str(verdict("x", numerics_class=""))


FORGED = "x\nreproduced: y, 19 files, the same bytes"


@pytest.mark.parametrize(
    "found",
    [
        replace(verdict(), name=FORGED),
        replace(verdict("x"), name=FORGED),
        verdict(FORGED),
        verdict("x", data=(FORGED,)),
        verdict("x", numerics_class=canonical({"system": FORGED})),
        verdict("x", parting=Parting(9, 9, Difference(3, (FORGED,)))),
        replace(verdict(), unclaimed=[FORGED], figures=[FORGED]),
    ],
)
def test_what_a_stranger_named_begins_no_line(found: Verdict) -> None:
    lines = str(found).splitlines()
    assert r"\nreproduced: y" in str(found)
    assert not any(line.startswith("reproduced: y") for line in lines)


def test_many_files_are_counted() -> None:
    lines = str(verdict(*(f"f{number:02}" for number in range(20)))).splitlines()
    assert sum(line.startswith("  differs: ") for line in lines) == 12
    assert lines[-1] == "  … and 8 more"


def test_scores_that_changed() -> None:
    before = {"bleu": {"score": 30.0}, "ter": {"score": 50.0}, "perplexity": 5.5, "examples": 3}
    after = before | {"bleu": {"score": 30.25}}
    old, new = json.dumps(before).encode(), json.dumps(after).encode()
    assert score_changes(old, new) == ["bleu 30 → 30.25"]
    assert score_changes(old, old) == []
    assert score_changes(None, new) == []
