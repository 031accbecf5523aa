"""The benchmark of training times what it says, on the same batches and coins, and compares the right cases."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import corpora, profile, training_measurements
from benchmarks.case import Case
from benchmarks.reference.updater import ReferenceUpdater
from benchmarks.roof import Product
from benchmarks.training import GROUPS
from benchmarks.training_cases import Workshop, first_rows
from benchmarks.training_child import recipe
from benchmarks.training_tables import Results, case_table, comparison_table
from seqlab.params.params import Params
from seqlab.seq2seq.engines.choice import CPU
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.training.update import Updater
from tests.simulated_device import simulated_device, waits

ROWS, STEPS = 4, 3
REQUEST: dict[str, Any] = {"threads": 1, "granularity": "token", "sentences": 2, "steps": STEPS, "real_lengths": False}
ENGINES = {"ours": 0.5, "trainer": 0.5, "step by step": 0.5, "literal": 0.5, "teacher forcing": 1.0}
CASES = [Case(engine, ratio, "float32", "dot") for engine, ratio in ENGINES.items()]


@pytest.fixture
def params() -> Params:
    """The benchmark's, but small."""
    params = recipe(REQUEST)
    model = params.model.model_copy(update={"embedding_size": 6, "hidden_size": 8})
    train = params.train.model_copy(update={"batch_size": ROWS, "log_every": 2})
    return params.model_copy(update={"model": model, "train": train})


def request_for(*cases: Case, **options: Any) -> dict[str, Any]:
    """What the parent asks of the child."""
    plain = [[case.engine, case.ratio, case.precision, case.attention, case.input_feeding] for case in cases]
    return REQUEST | {"cases": plain, "repetitions": 2} | options


def test_every_case_is_timed_and_its_work_counted(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_measurements, "Product", partial(Product, m=8, k=8, n=8))
    found = training_measurements.timed(request_for(*CASES), params, tmp_path)
    assert list(found) == ["roof, float32", "PyTorch's own product, float32", *(case.name for case in CASES)]
    assert all(len(each["seconds"]) == 2 and min(each["seconds"]) > 0 for each in found.values())
    tokens = {case.engine: found[case.name]["tokens"] for case in CASES}
    assert tokens.pop("literal") == 2 * corpora.LENGTH
    assert set(tokens.values()) == {STEPS * ROWS * corpora.LENGTH}
    assert found[CASES[0].name]["flop"] == STEPS * ROWS / 2 * found[CASES[3].name]["flop"]


def test_a_profile_counts_the_kernels_of_a_step(params: Params, tmp_path: Path) -> None:
    case = Case("ours", 0.5, "float32", "dot")
    found = training_measurements.profiled(request_for(case, rounds=2), params, tmp_path)[case.name]
    assert found["seconds"] > 0
    assert 0 < sum(found["kernels"].values()) <= found["profiled"]
    shown = profile.row(case, found)
    parts = [float(str(shown[kind])) for kind in (*profile.KINDS, "other")]
    assert sum(parts) == pytest.approx(float(str(shown["profiled"])), abs=0.06 * len(parts))
    milliseconds = profile.milliseconds({"aten::mm": 0.002, "aten::addmm": 0.003, "aten::copy_": 1.0, "what": 0.5})
    counted = {kind: each for kind, each in milliseconds.items() if each}
    assert counted == {"products": 5, "copies": 1000, "other": 500}


def test_every_case_runs_on_another_device(params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_measurements, "Product", partial(Product, m=8, k=8, n=8))
    with simulated_device() as device:
        there = params.model_copy(update={"runtime": params.runtime.model_copy(update={"device": device})})
        found = training_measurements.timed(request_for(*CASES, steps=1, repetitions=1), there, tmp_path)
        assert waits()
    assert list(found) == ["roof, float32", "PyTorch's own product, float32", *(case.name for case in CASES)]


def test_the_listeners_share(params: Params, tmp_path: Path) -> None:
    found = training_measurements.listeners(request_for(CASES[1]), params, tmp_path)
    assert 0 < found["listeners"] < found["training"]
    entries = (tmp_path / "journal").read_text("utf-8")
    assert entries.count("StepFinished") == STEPS // 2
    assert "TrainingStarted" in entries


def test_peak_memory(params: Params, tmp_path: Path) -> None:
    found = training_measurements.peak(request_for(CASES[0]), params, tmp_path)
    assert found["peak"] >= found["before"] > 0


@pytest.mark.parametrize("ratio", [0.5, 1.0])
@pytest.mark.parametrize(("attention", "input_feeding"), [("none", False), ("dot", False), ("dot", True)])
def test_ours_and_the_references_train_alike(
    attention: str, input_feeding: bool, ratio: float, params: Params, tmp_path: Path
) -> None:
    case = Case("step by step", ratio, "float32", attention, input_feeding)
    workshop = Workshop(params, corpora.equal_lengths(tmp_path, ROWS * STEPS), STEPS, 1, tmp_path)
    model = Seq2Seq(workshop.config(case), torch.Generator().manual_seed(1)).double()
    with torch.no_grad():  # gradients large enough to be clipped
        for parameter in model.parameters():
            parameter.mul_(4)
    options: dict[str, Any] = {"ratio": ratio, "granularity": "token", "precision": "float32", "seed": params.seed}
    kinds = ["step by step"] + ["teacher forcing"] * (ratio == 1 and not input_feeding)
    references = [ReferenceUpdater(kind, model, **options) for kind in kinds]
    train = params.train.model_copy(update={"teacher_forcing_ratio": ratio})
    ours = Updater(model, train, params.seed, CPU)
    for step, batch in enumerate(workshop.batches(case), 1):
        loss = ours.update(batch, step=step, learning_rate=1e-3, place="in a test").loss
        for reference in references:
            assert reference.update(batch, step) == pytest.approx(loss, rel=1e-6)


def test_literal_takes_the_first_sentences(params: Params, tmp_path: Path) -> None:
    workshop = Workshop(params, corpora.equal_lengths(tmp_path, ROWS * STEPS), STEPS, 2, tmp_path)
    (batch,) = workshop.batches(CASES[3])
    assert torch.equal(batch.target, first_rows(workshop.batches(CASES[0])[0], 2).target)


def test_lengths_are_those_of_real_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQLAB_CORPUS_MIRROR", raising=False)
    lengths = corpora.real_lengths(tmp_path).split.source_lengths + 1
    assert abs(lengths.mean() - corpora.MEAN) < 0.2
    assert abs(lengths.std() - corpora.DEVIATION) < 0.3


def test_tables_compare_what_they_say() -> None:
    ours = Case("ours", 0.5, "bfloat16", "dot")
    seconds = {
        ours: 1.0,
        replace(ours, ratio=1.0): 0.8,
        replace(ours, engine="step by step"): 2.5,
        replace(ours, engine="literal"): 6.0,
        replace(ours, precision="float32"): 1.8,
        replace(ours, engine="trainer", ratio=1.0): 1.25,
    }
    found: dict[str, Any] = {
        case.name: {"seconds": [time] * 2, "tokens": 1000, "steps": 4, "flop": 100} for case, time in seconds.items()
    }
    found[replace(ours, engine="literal").name]["tokens"] = 100
    for precision in ("bfloat16", "float32"):
        found[f"roof, {precision}"] = {"seconds": [0.5] * 2, "flop": 100}
        found[f"PyTorch's own product, {precision}"] = {"seconds": [1.0] * 2, "flop": 100}
    results = Results(found, {ours.name: {"peak": 3 << 20}})
    cases = list(seconds)
    lines = comparison_table(results, cases, real_lengths=False).splitlines()[2:]
    rows = {tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in lines}
    assert (ours.name, "time, over that at ratio 1", "≤ 1.10", "1.25 (1.25–1.25)") in rows
    assert (ours.name, "faster than step by step", "≥ 2", "2.50 (2.50–2.50)") in rows
    assert (ours.name, "faster than float32", "≥ 1.6", "1.80 (1.80–1.80)") in rows
    trainer = replace(ours, engine="trainer", ratio=1.0).name
    assert (trainer, "fraction of the roof, all overheads included", "≥ 85 %", "40% (40%–40%)") in rows
    assert (trainer, "fraction of PyTorch's own product, all overheads included", "", "80% (80%–80%)") in rows
    first = case_table(results, cases).splitlines()[2]
    assert [cell.strip() for cell in first.split("|")[5:-1]] == [
        "250.0 (250.0–250.0)",
        "1,000 (1,000–1,000)",
        "50% (50%–50%)",
        "100% (100%–100%)",
        "3",
    ]


def test_every_case_of_a_group_has_a_name_of_its_own() -> None:
    for group in GROUPS.values():
        assert len({case.name for case in group.cases}) == len(group.cases)
