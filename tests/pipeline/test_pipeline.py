"""The whole pipeline, as a user runs it."""

import csv
import json
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import sacrebleu

from tests.pipeline.conftest import ROOT, Project

# In one process: they share what takes long to set up.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]

BUCKETS = ["0–5", "6–10", "11–15", "16–20", "21–30", "31–40", "41+"]
STAGES = ["download", "tokenize", "train", "evaluate", "report"]


def test_repeating_runs_nothing_and_forcing_changes_no_byte(finished: Project) -> None:
    lock = finished.read("dvc.lock")
    assert finished.repro() == []
    assert "up to date" in finished.dvc("status").stdout
    assert finished.repro("--force") == STAGES
    assert finished.read("dvc.lock") == lock
    assert finished.run("git", "status", "--porcelain").stdout == ""


def test_the_outputs_say_what_the_readme_says(finished: Project) -> None:
    translations = [json.loads(line) for line in finished.read("reports/translations.jsonl").split("\n")[:-1]]
    scores = json.loads(finished.read("reports/scores.json"))
    assert len(translations) == 20
    bleu = sacrebleu.corpus_bleu(
        [translation["translation"] for translation in translations],
        [[translation["references"][0] for translation in translations]],
    )
    assert scores["bleu"]["score"] == pytest.approx(bleu.score, abs=1e-9)
    assert scores["bleu"]["low"] <= scores["bleu"]["score"] <= scores["bleu"]["high"]
    assert scores["bleu"]["signature"].startswith("nrefs:1|")
    with (finished.root / "reports/curves.csv").open(newline="", encoding="utf-8") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    assert "<script src" not in finished.read("reports/report.html")


def test_dvc_s_own_views_show_figures(finished: Project) -> None:
    metrics = json.loads(finished.dvc("metrics", "show", "--json").stdout)[""]["data"]
    assert set(metrics) == {"reports/metrics.json"}
    finished.set({"train.teacher_forcing_ratio": 0.4})
    try:
        finished.repro()
        parameters = json.loads(finished.dvc("params", "diff", "--json").stdout)["params.yaml"]
        assert parameters["train.teacher_forcing_ratio"]["new"] == 0.4
        difference = json.loads(finished.dvc("metrics", "diff", "--json").stdout)
        changed = {"bleu", "chrf", "ter", "perplexity"}
        # As little as these models have learnt, both may match nothing.
        assert set(difference["reports/metrics.json"]) - {"exact_match"} == changed
        # As docs/how-to.md has it, in a narrow window: nothing is cut off.
        command = re.search(r"`(dvc exp show --only-changed [^`]+)`", (ROOT / "docs/how-to.md").read_text("utf-8"))
        assert command
        shown = finished.run(*shlex.split(command[1]), "--no-pager", COLUMNS="100").stdout
        assert shown.splitlines()[1].split() == ["Experiment", "bleu", "train.teacher_forcing_ratio"]
        assert {len(line) <= 100 for line in shown.splitlines()} == {True}
    finally:
        finished.run("git", "restore", "params.yaml")
        assert finished.repro() == []


def test_bleu_by_length_is_drawn_in_the_order_of_length(finished: Project) -> None:
    finished.dvc("plots", "show")
    drawn = [json.loads(each) for each in re.findall(r"var spec = (\{.*\});", finished.read("dvc_plots/index.html"))]
    assert [each["title"]["text"] for each in drawn[:2]] == ["Loss", "Validation BLEU"]
    [bars] = [each for each in drawn if each["title"]["text"] == "BLEU by source length"]
    x, y = bars["encoding"]["x"], bars["encoding"]["y"]
    assert (x["field"], x["sort"], y["field"]) == ("bucket", {"field": "shortest", "op": "min"}, "bleu")
    assert bars["transform"] == [{"calculate": "toNumber(datum.low)", "as": "shortest"}]
    assert [row["bucket"] for row in sorted(bars["data"]["values"], key=lambda row: int(row["low"]))] == BUCKETS
    assert finished.run("git", "status", "--porcelain").stdout == ""


def test_translate_gives_the_translations_of_evaluate(finished: Project) -> None:
    translations = [json.loads(line) for line in finished.read("reports/translations.jsonl").split("\n")[:-1]]
    sources = "".join(f"{translation['source']}\n" for translation in translations)
    result = subprocess.run(
        ["seqlab", "translate"],
        cwd=finished.root,
        env=finished.environment,
        input=sources,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines() == [translation["translation"] for translation in translations]
    first = finished.run("seqlab", "translate", translations[0]["source"]).stdout
    assert first == translations[0]["translation"] + "\n"


def own_text(project: Project, **files: bytes) -> None:
    for name, data in files.items():
        (project.root / "data/own" / name.replace("__", ".")).write_bytes(data)


FILES = {"corpus.name": "files", "corpus.source": "en", "corpus.target": "fr"}


@pytest.mark.parametrize(
    ("changes", "files", "message"),
    [
        ({"train.teacher_forcing_ratio": 1.5}, {}, "train.teacher_forcing_ratio"),
        ({"model.attention": "dots"}, {}, "model.attention"),
        ({"corpus.source": "de"}, {}, "de"),
        ({"corpus.name": "multi30k", "corpus.target": "it"}, {}, "it"),
        (FILES | {"corpus.files.train": ["a.en", "a.fr"]}, {"a__en": b"one\ntwo\n", "a__fr": b"un\n"}, "2"),
        (FILES | {"corpus.files.train": ["a.tsv"]}, {"a__tsv": b"one\tun\ntwo\t\xff\n"}, "UTF-8"),
        (FILES | {"corpus.files.train": ["a.tsv"]}, {"a__tsv": b""}, "a.tsv"),
        (FILES | {"corpus.files.train": ["missing.tsv"]}, {}, "missing.tsv"),
        (FILES | {"corpus.files.train": ["../../a.tsv"]}, {}, "data/own"),
        (FILES | {"corpus.files.train": ["a.tsv"]}, {"a__tsv": b"one\tun\n"}, "valid"),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else None,
)
def test_bad_input_gets_one_clear_message(
    project: Project, changes: dict[str, Any], files: dict[str, bytes], message: str
) -> None:
    own_text(project, **files)
    project.set(changes)
    result = project.run("dvc", "repro", check=False)
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert not (project.root / "data/raw").exists()
    assert [path.name for path in (project.root / "data").iterdir() if path.name.startswith(".")] == []


def test_an_unknown_parameter_names_the_nearest_known_one(project: Project) -> None:
    text = project.read("params.yaml").replace("  hidden_size:", "  hiden_size:")
    (project.root / "params.yaml").write_text(text, "utf-8")
    result = project.run("dvc", "repro", check=False)
    assert result.returncode != 0
    assert "did you mean model.hidden_size?" in result.stderr


def test_a_checkpoint_of_another_architecture(finished: Project) -> None:
    folder = finished.root / "models/best"
    config = folder / "config.json"
    original = config.read_text("utf-8")
    folder.chmod(0o755)
    try:
        config.unlink()
        config.write_text(original.replace('"hidden_size": 8', '"hidden_size": 16'), "utf-8")
        result = finished.run("seqlab", "translate", "the cat", check=False)
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        assert "model.safetensors" in result.stderr
    finally:
        config.unlink()
        finished.dvc("checkout", "--force")
        assert finished.repro() == []


def test_no_network_says_so(project: Project) -> None:
    project.set({"corpus.name": "multi30k", "corpus.source": "de", "corpus.target": "en"})
    # Nothing listens on port 9: the connection is refused at once.
    result = project.run("dvc", "repro", check=False, https_proxy="http://127.0.0.1:9", SEQLAB_CORPUS_MIRROR="")
    assert result.returncode != 0
    assert "SEQLAB_CORPUS_MIRROR" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_interrupted_training_goes_on_and_ends_in_the_same_bytes(project: Project) -> None:
    project.set({"train.epochs": 30, "corpus.grammar.train_size": 1000})
    project.repro("tokenize")
    process = subprocess.Popen(
        ["dvc", "repro"],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for_state(project.root)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    wait_until_nothing_trains(project.root)
    assert project.repro()[0] == "train"
    resumed = project.read("dvc.lock")
    assert project.repro("--force") == STAGES
    assert project.read("dvc.lock") == resumed


def test_more_epochs_go_on_from_the_last_and_forcing_computes_all(project: Project) -> None:
    project.repro("train")
    project.set({"train.epochs": 3})
    said = project.dvc("repro", "train")
    assert "going on from epoch 2" in said.stdout + said.stderr
    continued = project.read("dvc.lock")
    project.set({"train.epochs": 4})
    said = project.dvc("repro", "--force", "train")
    assert "going on" not in said.stdout + said.stderr
    project.set({"train.epochs": 3})
    (project.root / "dvc.lock").unlink()
    assert project.repro("--no-run-cache", "train") == STAGES[:3]
    assert project.read("dvc.lock") == continued


def wait_for_state(root: Path, seconds: float = 120) -> None:
    """Wait until training saved a state to resume from."""
    end = time.monotonic() + seconds
    while not list((root / ".checkpoints").glob("*/*/*")):
        assert time.monotonic() < end, "no state was saved"
        time.sleep(0.05)


def wait_until_nothing_trains(root: Path, seconds: float = 60) -> None:
    """Wait until the stage noticed that the DVC process is gone."""
    end = time.monotonic() + seconds
    while any(
        process.info["cwd"] == str(root) and "pipeline.train" in process.info["cmdline"]
        for process in psutil.process_iter(["cwd", "cmdline"])
        if process.info["cmdline"]
    ):
        assert time.monotonic() < end, "an orphan goes on training"
        time.sleep(0.1)
