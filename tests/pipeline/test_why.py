"""`seqlab why` on the whole pipeline: it gives a reason for exactly the stages that DVC says would run."""

import json
from pathlib import Path

import pytest

from tests.pipeline.conftest import Project

BLEU, MODULE = "src/seqlab/scoring/bleu.py", "seqlab.scoring.bleu"
HARMLESS = "It will run again, and prove that nothing changed."
UP_TO_DATE = ": up to date"


def why(project: Project, *subjects: str) -> list[str]:
    return project.run("seqlab", "why", *subjects).stdout.splitlines()


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


# File, old text, new text, the first stage that runs, and what is said of it.
EDITS = [
    ("params.yaml", "  beam_size: 1", "  beam_size: 2", "evaluate", "parameter  evaluate.beam_size: 1 → 2"),
    ("versions.toml", 'sentencepiece = "', 'sentencepiece = "9', "tokenize", "version    sentencepiece: "),
    (BLEU, "list(zip", "tuple(zip", "train", f"code       {MODULE}: function reference_streams: body changed"),
    (BLEU, '"""', '# A comment.\n"""', "train", HARMLESS),
    ("data/raw/valid.jsonl", "{", "{ ", "download", "output     data/raw is not as download wrote it (modified)"),
]


@pytest.mark.slow
@pytest.mark.xdist_group("why")
def test_a_reason_is_given_for_exactly_the_stages_that_dvc_would_run(finished: Project) -> None:
    assert all(line.endswith(UP_TO_DATE) for line in why(finished))
    for name, old, new, first, reason in EDITS:
        path = finished.root / name
        before = path.read_bytes()
        replace(path, old, new)
        stale = list(json.loads(finished.dvc("status", "--json").stdout))
        lines = why(finished)
        path.write_bytes(before)
        headers = [line for line in lines if not line.startswith(" ")]
        assert [line.partition(":")[0] for line in headers if UP_TO_DATE not in line] == stale, name
        assert stale[0] == first
        own = lines[lines.index(next(line for line in lines if line.startswith(first))) + 1 :]
        assert any(line.startswith(f"  {reason}") for line in own), lines
    assert all(line.endswith(UP_TO_DATE) for line in why(finished))


@pytest.mark.slow
@pytest.mark.xdist_group("why")
def test_why_two_runs_differ(finished: Project) -> None:
    finished.set({"evaluate.max_length": 19})
    replace(finished.root / "src/seqlab/evaluation/outputs.py", '"""', 'ADDED = 1\n"""')
    assert finished.repro() == ["evaluate", "report"]
    runs = sorted((finished.root / ".seqlab/journal/run").iterdir(), key=lambda folder: folder.stat().st_mtime)
    header, *reasons = why(finished, *(run.name[:12] for run in runs))
    assert header.endswith("the same model, scored otherwise")
    assert reasons == [
        "  parameter  evaluate.max_length: 20 → 19",
        "  code       seqlab.evaluation.outputs: constant ADDED added",
    ]
