from dataclasses import replace

import pytest

from seqlab.tracking.journal.ledger import Ledger, LedgerEntry, compare_with_earlier
from tests.tracking.conftest import Project
from tests.tracking.entries import DIGEST


def entry(
    name: str, outputs: str = "same", *, stage: str = "train", numerics: str = "avx2", model: str = ""
) -> LedgerEntry:
    return LedgerEntry(
        f"2025-{name}", stage, numerics, 0.0, 1.0, "", {"models/best/config.json": "c", "curves": outputs}, model
    )


@pytest.mark.parametrize(
    ("entries", "executions", "reproduced"),
    [
        ([], 0, None),
        ([entry("a")], 1, None),
        ([entry("a"), entry("b", stage="evaluate")], 1, None),
        ([entry("a"), entry("b")], 2, True),
        ([entry("a"), entry("b", "other")], 2, False),
        ([entry("a"), entry("b"), entry("c", "other")], 3, False),
        # another class may differ: no evidence either way
        ([entry("a"), entry("b", "other", numerics="avx512")], 2, None),
        ([entry("a"), entry("b", "other", numerics="avx512"), entry("c")], 3, True),
        ([entry("a"), entry("b", stage="evaluate"), entry("c", "other", stage="evaluate")], 2, False),
        # nor does another model, which a colleague trained in another class
        ([entry("a", stage="evaluate", model="1"), entry("b", "other", stage="evaluate", model="2")], 2, None),
        ([entry("a", stage="evaluate", model="1"), entry("b", "other", stage="evaluate", model="1")], 2, False),
    ],
)
def test_executions_and_reproduced(entries: list[LedgerEntry], executions: int, reproduced: bool | None) -> None:
    ledger = Ledger(entries)
    assert (ledger.executions, ledger.reproduced()) == (executions, reproduced)


def test_what_differs_is_named() -> None:
    assert Ledger([entry("a"), entry("b", "other")]).differences() == ["train b against a: curves"]


def test_a_missing_output_differs() -> None:
    less = LedgerEntry("2025-b", "train", "avx2", 0.0, 1.0, "", {"curves": "same"})
    assert Ledger([entry("a"), less]).differences() == ["train b against a: models/best/config.json"]


def test_the_same_execution_counts_once_and_json_keeps_all() -> None:
    def whole(name: str) -> LedgerEntry:
        numerics = '{"system": "Linux"}'
        return replace(entry(name), numerics_class=numerics, outputs={"models/best/config.json": DIGEST}, model=DIGEST)

    ledger = Ledger([whole("b"), whole("a"), whole("b")])
    assert [each.short_id for each in ledger.entries] == ["a", "b"]
    assert Ledger.from_json(ledger.to_json()).entries == ledger.entries


def test_people_are_told(project: Project) -> None:
    project.train()
    project.train()
    project.train(weights=b"others")
    first, second, third = project.executions()
    assert compare_with_earlier(first) is None
    assert compare_with_earlier(second) == "reproduced: the same bytes as in 1 earlier execution(s)"
    verdict = compare_with_earlier(third)
    assert verdict is not None
    assert "NOT REPRODUCED: models/best/model.safetensors, models/last/model.safetensors differ" in verdict


def test_another_report_is_no_failed_repetition(project: Project) -> None:
    project.run()
    project.report("<p>another")
    assert compare_with_earlier(project.executions()[-1]) is None


def test_another_s_model_is_no_failed_repetition(project: Project) -> None:
    project.train()
    project.evaluate(20.0)
    project.write_training(2, b"a colleague's, of another numerics class")
    project.evaluate(21.0)
    assert compare_with_earlier(project.executions()[-1]) is None
    assert Ledger.of(project.executions()).differences() == []
    project.evaluate(22.0)
    verdict = str(compare_with_earlier(project.executions()[-1]))
    assert "NOT REPRODUCED: reports/scores.json, reports/translations.jsonl differ" in verdict
