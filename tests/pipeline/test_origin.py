"""Fine-tuning and an ensemble, as a user does them: a model is taken, another corpus goes on from it, both translate
together, and a change of it reruns what names it."""

import json
import shutil

import pytest

from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow
BASE, MEMBER = "models/origins/base", "models/origins/member"
FINE_TUNING = {"train.start_from": "base", "tokenizer.take_from": "base", "corpus.grammar.seed": 2, "train.epochs": 1}


def test_stages_depend_on_the_checkpoints_that_they_name(finished: Project) -> None:
    said = finished.run("seqlab", "take", "base").stdout
    assert f"{BASE} has the model of run tf0.50-h8-gru-s1" in said
    # A checkpoint that no parameter names reruns nothing.
    assert json.loads(finished.dvc("status", "--json").stdout) == {}
    assert "already" in finished.run("seqlab", "take", "base").stdout

    finished.set(FINE_TUNING | {"tokenizer.take_from": "none"})
    refused = finished.dvc("repro", "train", check=False)
    assert refused.returncode != 0
    assert "tokens of models/origins/base are not those of this corpus" in refused.stderr
    assert "set tokenizer.take_from to base too" in refused.stderr

    finished.set(FINE_TUNING)
    assert finished.repro("train") == ["tokenize", "train"]
    started_from = json.loads(finished.read("reports/training.json"))["started_from"]
    note = json.loads(finished.read(f"{BASE}/origin.json"))
    assert {"origin": "base", **note}.items() <= started_from.items()
    # By DVC alone, a clone and a temporary copy have it too.
    finished.dvc("add", BASE)
    finished.run("git", "add", "--all")
    finished.run("git", "commit", "--quiet", "--message=Fine-tuning")
    assert json.loads(finished.dvc("status", "train", "--json").stdout) == {}

    shutil.copytree(finished.root / BASE, finished.root / MEMBER)
    finished.set({"evaluate.ensemble_with": "member"})
    assert finished.repro() == ["evaluate", "report"]
    [member] = json.loads(finished.read("reports/scores.json"))["ensemble_with"]
    assert member["run"] == note["run"]
    (finished.root / MEMBER / "model.safetensors").write_bytes(b"another")
    changed = json.loads(finished.dvc("status", "--json").stdout)
    assert changed == {"evaluate": [{"changed deps": {MEMBER: "modified"}}]}

    shutil.copyfile(finished.root / "models/best/model.safetensors", finished.root / BASE / "model.safetensors")
    status = json.loads(finished.dvc("status", "train", "--json").stdout)
    assert {"changed deps": {BASE: "modified"}} in status["train"]
    assert "data       models/origins/base changed" in finished.run("seqlab", "why", "train").stdout
    assert finished.repro("train") == ["tokenize", "train"]
    again = json.loads(finished.read("reports/training.json"))["started_from"]
    assert again["sha256"] != started_from["sha256"]

    finished.run("git", "checkout", "--", ".")
    finished.dvc("checkout")
    finished.dvc("exp", "run", "--temp", "-S", "seed=2", "train")
    [reference] = finished.run("git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/*").stdout.split()
    assert f"path: {BASE}\n" in finished.run("git", "show", f"{reference}:dvc.lock").stdout
