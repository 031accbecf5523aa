"""A small project to track: a pipeline of stubs, whose stages are recorded as the real ones are."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from seqlab.core.atomic import write_json, write_text
from seqlab.params.params import Params, load_params
from seqlab.tracking.fingerprint.content import sha256
from seqlab.tracking.home import Home
from seqlab.tracking.journal.execution import Execution, read_executions
from seqlab.tracking.journal.recorder import StageRecorder
from seqlab.training.curves import EpochPoint, StepPoint
from seqlab.training.events import EpochFinished, StepFinished

ROOT = Path(__file__).parents[2]
CODE = '"""A stage."""\n\n\ndef main() -> int:\n    """Do it."""\n    # Once.\n    return 1\n'
DVC_YAML = """
stages:
  download:
    cmd: python -m pipeline.download
    deps: [pipeline/download.py]
    outs: [data/raw]
  tokenize:
    cmd: python -m pipeline.tokenize
    deps: [data/raw, pipeline/tokenize.py]
    outs:
      - data/tokenized/tokenizer
      - data/tokenized/train
      - data/tokenized/valid
      - data/tokenized/test
    metrics: [data/statistics.json]
  train:
    cmd: python -m pipeline.train
    deps: [data/raw/valid.jsonl, data/tokenized/tokenizer, data/tokenized/train, data/tokenized/valid,
           pipeline/train.py, src/seqlab/model]
    outs: [models/best, models/last, reports/curves.csv, reports/steps.csv]
    metrics:
      - reports/training.json:
          cache: true
  evaluate:
    cmd: python -m pipeline.evaluate
    deps: [data/raw/test.jsonl, data/tokenized/test, models/best, pipeline/evaluate.py]
    outs: [reports/translations.jsonl]
    metrics: [reports/scores.json]
  report:
    cmd: python -m pipeline.report
    deps: [reports/scores.json, pipeline/report.py]
    outs: [reports/report.html, reports/report.md]
"""
STEPS_AN_EPOCH = 4


def step_point(step: int) -> StepPoint:
    return StepPoint(step, epoch=1 + (step - 1) // STEPS_AN_EPOCH, loss=5 / step, learning_rate=0.002,
                     gradient_norm=1.5, teacher_forcing_ratio=0.5)  # fmt: skip


def epoch_point(epoch: int) -> EpochPoint:
    return EpochPoint(epoch, epoch * STEPS_AN_EPOCH, train_loss=4 / epoch, train_nll=3.9 / epoch, valid_loss=3 / epoch,
                      valid_perplexity=20 / epoch, valid_bleu=10.0 * epoch, valid_exact_match=epoch,
                      learning_rate=0.002, teacher_forcing_ratio=0.5, gradient_norm=1.5)  # fmt: skip


def write_checkpoint(folder: Path, weights: bytes) -> None:
    (folder / "tokenizer").mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "tokenizer/config.json").write_text("{}")


@dataclass
class Project:
    """A working copy in `root` whose stages are played, not run."""

    root: Path
    params: Params
    write_checkpoint: Callable[[Path, bytes], None] = field(default=write_checkpoint)

    @property
    def home(self) -> Home:
        return Home(self.root)

    def set(self, section: str, **values: Any) -> None:
        """Change parameters."""
        changed = getattr(self.params, section).model_copy(update=values)
        self.params = self.params.model_copy(update={section: changed})

    def executions(self) -> list[Execution]:
        return list(read_executions(self.home))

    def recorder(self, stage: str) -> StageRecorder:
        return StageRecorder(stage, self.params, self.root)

    def train(self, *, epochs: int = 2, weights: bytes = b"weights") -> None:
        """Play the train stage; the checkpoint's bytes are `weights`."""
        recorder = self.recorder("train")
        recorder.start()
        self.play_epochs(recorder, range(1, epochs + 1))
        self.write_training(epochs, weights)
        outputs = ["models/best", "models/last", "reports/curves.csv", "reports/steps.csv", "reports/training.json"]
        recorder.finish([Path(name) for name in outputs])

    def play_epochs(self, recorder: StageRecorder, epochs: range) -> None:
        for epoch in epochs:
            for step in range((epoch - 1) * STEPS_AN_EPOCH + 1, epoch * STEPS_AN_EPOCH + 1):
                recorder.listener(StepFinished(step_point(step), tokens_per_second=1000.0))
            recorder.listener(EpochFinished(epoch_point(epoch), best=True, clipped_steps=0, train_seconds=1.0,
                                            valid_seconds=0.1, tokens_per_second=1000.0))  # fmt: skip

    def write_training(self, epochs: int, weights: bytes) -> None:
        steps = epochs * STEPS_AN_EPOCH
        for name, suffix in (("best", b""), ("last", b" and more")):
            self.write_checkpoint(self.root / "models" / name, weights + suffix)
        _write_csv(self.root / "reports/steps.csv", [step_point(step) for step in range(1, steps + 1)])
        _write_csv(self.root / "reports/curves.csv", [epoch_point(epoch) for epoch in range(1, epochs + 1)])
        best = {"epoch": epochs - 1, "step": steps - STEPS_AN_EPOCH, "bleu": 10.0, "loss": 3.0, "perplexity": 20.0}
        training = {"best": best, "epochs": epochs, "steps": steps, "stopped_early": False, "parameters": 4012345}
        write_json(self.root / "reports/training.json", training)

    def evaluate(self, bleu: float = 30.0) -> None:
        """Play the evaluate stage."""
        recorder = self.recorder("evaluate")
        recorder.start()
        self.write_scores(bleu)
        recorder.finish([Path("reports/translations.jsonl"), Path("reports/scores.json")])

    def write_scores(self, bleu: float = 30.0) -> None:
        score = {"score": bleu, "low": bleu - 1, "high": bleu + 1, "signature": "nrefs:1|case:mixed|tok:13a"}
        write_json(self.root / "reports/scores.json", {"bleu": score, "perplexity": 5.5, "examples": 3})
        record = {"source": "test", "references": ["x"], "translation": str(bleu)}
        write_text(self.root / "reports/translations.jsonl", json.dumps(record) + "\n")

    def report(self, page: str = "<p>") -> None:
        """Play the report stage."""
        recorder = self.recorder("report")
        recorder.start()
        write_text(self.root / "reports/report.html", page)
        write_text(self.root / "reports/report.md", page)
        recorder.finish([Path("reports/report.html"), Path("reports/report.md")])

    def run(self) -> None:
        """Play the stages from train on."""
        self.train()
        self.evaluate()
        self.report()


def write_params(path: Path) -> None:
    """The project's own parameters, but for those that tests name."""
    yaml = YAML()
    content = yaml.load(ROOT / "params.yaml")
    content["seed"] = 1
    content["runtime"].update(device="cpu", engine="fast", threads=2, numerics="native")
    content["corpus"].update(name="grammar", source="en", target="fr")
    content["corpus"]["grammar"].update(train_size=20000)
    content["model"].update(cell="gru", hidden_size=128, attention="none", input_feeding=False)
    content["train"].update(teacher_forcing_ratio=0.5, learning_rate=0.002, weight_decay=0.0)
    content["evaluate"].update(beam_size=1, n_best=1)
    with open(path, "w", encoding="utf-8") as file:
        yaml.dump(content, file)


def make_project(root: Path) -> Project:
    """A project in which download and tokenize ran."""
    (root / ".dvc").mkdir(parents=True)
    write_text(root / "dvc.yaml", DVC_YAML)
    write_params(root / "params.yaml")
    shutil.copyfile(ROOT / "versions.toml", root / "versions.toml")
    for name in ("download", "tokenize", "train", "evaluate", "report"):
        write_text(root / f"pipeline/{name}.py", CODE)
    write_text(root / "src/seqlab/model/cell.py", CODE)
    for split in ("train", "valid", "test"):
        write_text(root / f"data/raw/{split}.jsonl", json.dumps({"source": split, "references": ["x"]}) + "\n")
        write_text(root / f"data/tokenized/{split}/ids", split)
    write_text(root / "data/tokenized/tokenizer/source.model", "a b c")
    splits = {
        split: {"examples": 1, "references": 1, "sha256": sha256(root / f"data/raw/{split}.jsonl")}
        for split in ("train", "valid", "test")
    }
    write_json(root / "data/raw/manifest.json", {"corpus": "grammar", "origin": [], "splits": splits})
    write_json(root / "data/statistics.json", {"train": {"pairs": 1, "tokens": 3}})
    return Project(root, load_params(root / "params.yaml"))


def _write_csv(path: Path, points: list[Any]) -> None:
    names = list(points[0].__dataclass_fields__)
    rows = [",".join(f"{getattr(point, name):.6g}" for name in names) for point in points]
    write_text(path, "\n".join([",".join(names), *rows]) + "\n")


def git(root: Path, *arguments: str, **environment: str) -> str:
    """Run git in `root`, as somebody without a configuration."""
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    command = ["git", *identity, *arguments]
    values = {**os.environ, **environment}
    return subprocess.run(command, cwd=root, env=values, check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DVC_ROOT", "DVC_EXP_NAME", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    # set, so that what MLflow writes into the environment is undone
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("SEQLAB_PUBLISHER", "off")


@pytest.fixture(scope="session")
def template_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project to copy."""
    return make_project(tmp_path_factory.mktemp("template") / "project")


@pytest.fixture
def project(tmp_path: Path, template_project: Project) -> Project:
    """A project without a store."""
    shutil.copytree(template_project.root, tmp_path / "project")
    return Project(tmp_path / "project", template_project.params)


@pytest.fixture(scope="session")
def template_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database: making one takes seconds, copying it does not."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = tmp_path_factory.mktemp("template")
    SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts"))  # type: ignore[no-untyped-call]
    return folder / "mlflow.db"


@pytest.fixture
def tracked(project: Project, template_database: Path) -> Project:
    """A project with an empty store."""
    shutil.copyfile(template_database, project.root / "mlflow.db")
    return project
