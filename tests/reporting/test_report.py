import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params
from seqlab.reporting.report import write_report
from seqlab.reporting.report_view import gather
from seqlab.results.paths import (
    ATTENTION,
    BLEU_BY_LENGTH,
    CURVES,
    MANIFEST,
    SCORES,
    STATISTICS,
    STEPS,
    TRAINING,
    TRANSLATIONS,
)
from tests.reporting import run

INPUTS = (MANIFEST, STATISTICS, CURVES, STEPS, TRAINING, SCORES, TRANSLATIONS, BLEU_BY_LENGTH, ATTENTION)


def outputs(root: Path) -> list[bytes]:
    return [(root / "reports" / name).read_bytes() for name in ("report.html", "report.md")]


def test_the_same_bytes_whatever_the_hash_seed_the_place_and_the_language(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from seqlab.reporting.report import write_report; "
        "from tests.reporting import run; write_report(run.params(), Path(sys.argv[1]))"
    )
    results = []
    for name, seed, locale in (("a", "1", "C"), ("another/place", "2", "fr_FR.UTF-8")):
        root = run.write_run(tmp_path / name)
        run.write_json(root / "reports/attention.json", [run.attention(number) for number in range(3)])
        environment = os.environ | {
            "PYTHONHASHSEED": seed, "LC_ALL": locale, "PYTHONPATH": f"src{os.pathsep}.", "TZ": locale,
        }  # fmt: skip
        subprocess.run([sys.executable, "-c", program, str(root)], check=True, cwd=run.ROOT, env=environment)
        results.append(outputs(root))
    assert results[0] == results[1]
    assert str(tmp_path).encode() not in results[0][0] + results[0][1]


def test_a_user_s_matplotlibrc_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    root = run.write_run(tmp_path)
    write_report(run.params(), root)
    before = outputs(root)
    with mpl.rc_context({"lines.linewidth": 9, "svg.fonttype": "path", "axes.grid": False, "savefig.facecolor": "red"}):
        write_report(run.params(), root)
    assert outputs(root) == before


@pytest.mark.parametrize("path", INPUTS, ids=str)
def test_a_missing_file_is_named_and_nothing_is_written(tmp_path: Path, path: str) -> None:
    run.write_run(tmp_path)
    (tmp_path / path).unlink()
    with pytest.raises(SeqlabError, match=f"{path} is missing; run `dvc repro`"):
        write_report(run.params(), tmp_path)
    assert not list((tmp_path / "reports").glob("*report*"))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'{"a": ', b"[[[1, 2", b"null\n", b'"text"\n'], ids=repr)
@pytest.mark.parametrize("path", INPUTS, ids=str)
def test_a_damaged_file_is_named_and_nothing_is_written(tmp_path: Path, path: str, content: bytes) -> None:
    run.write_run(tmp_path)
    row = b"\n1\n" if path.endswith(".csv") else b""
    (tmp_path / path).write_bytes(content + row)
    with pytest.raises(SeqlabError, match=f"^{path} is damaged"):
        write_report(run.params(), tmp_path)
    assert not list((tmp_path / "reports").glob("*report*"))


@pytest.mark.parametrize(
    ("path", "old", "new", "problem"),
    [
        (SCORES, '"score": 43.218', '"score": "high"', "bleu.score: input should be a valid number"),
        (SCORES, '"score": 43.218', '"score": NaN', "bleu.score: input should be a finite number"),
        (CURVES, "1,313,", "one,313,", "row 1: epoch: input should be a valid integer"),
        (TRANSLATIONS, '"references": ["', '"references": [], "others": ["', "line 1: references"),
        (TRAINING, '"parameters": 412345', '"weights": 1', "parameters: field required"),
    ],
)
def test_the_damage_is_described(tmp_path: Path, path: str, old: str, new: str, problem: str) -> None:
    run.write_run(tmp_path)
    content = (tmp_path / path).read_text("utf-8")
    assert old in content
    (tmp_path / path).write_text(content.replace(old, new), "utf-8")
    with pytest.raises(SeqlabError) as error:
        write_report(run.params(), tmp_path)
    assert f"{path} is damaged ({problem}" in str(error.value)


def test_weights_that_do_not_fit_their_tokens(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    attention = run.attention(0)
    attention["source_tokens"].append("one too many")
    run.write_json(tmp_path / ATTENTION, [attention])
    with pytest.raises(SeqlabError, match="map 1: the weights do not fit the tokens"):
        write_report(run.params(), tmp_path)


def test_translations_that_are_cut_short(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    whole = (tmp_path / TRANSLATIONS).read_text("utf-8").splitlines(keepends=True)
    (tmp_path / TRANSLATIONS).write_text("".join(whole[:-1]), "utf-8")
    with pytest.raises(SeqlabError, match=r"holds 59 translations, and reports/scores\.json counts 60"):
        write_report(run.params(), tmp_path)


def test_no_attention_no_section(tmp_path: Path) -> None:
    write_report(run.params(), run.write_run(tmp_path))
    assert 'id="attention"' not in outputs(tmp_path)[0].decode()


def test_one_epoch_one_sentence_no_buckets_no_steps(tmp_path: Path) -> None:
    run.write_run(tmp_path, translations=[run.translation(0)], count=1)
    header = (tmp_path / BLEU_BY_LENGTH).read_text("utf-8").splitlines()[0]
    (tmp_path / BLEU_BY_LENGTH).write_text(header + "\n", "utf-8")
    header = (tmp_path / STEPS).read_text("utf-8").splitlines()[0]
    (tmp_path / STEPS).write_text(header + "\n", "utf-8")
    write_report(run.params(), tmp_path)
    page, summary = (output.decode() for output in outputs(tmp_path))
    assert "Too few test sentences" in page
    assert "Too few test sentences" in summary
    assert "<h3>Best</h3>" in page
    assert "<h3>Worst</h3>" not in page


def test_no_samples_wanted(tmp_path: Path) -> None:
    run.write_run(tmp_path)
    write_report(run.params(report={"samples": 0, "attention_maps": 0}), tmp_path)
    page, summary = (output.decode() for output in outputs(tmp_path))
    assert "<h3>" not in page
    assert run.sentence(0, 0) not in page + summary


def test_a_diverged_training_is_reported(tmp_path: Path) -> None:
    run.write_run(tmp_path, count=3)
    rows: list[dict[str, Any]] = run.epochs(3)
    rows[2] |= {"train_nll": "nan", "valid_loss": "inf", "valid_perplexity": "inf"}
    run.write_csv(tmp_path / CURVES, rows)
    write_report(run.params(), tmp_path)
    assert '<td class="figure">inf</td>' in outputs(tmp_path)[0].decode()


def test_the_page_stays_small(tmp_path: Path) -> None:
    long = {"source": "a " * 500_000, "references": ["b " * 500_000] * 20, "translation": "c" * 1_000_000}
    translations = [run.translation(number) | long for number in range(3)]
    run.write_run(tmp_path, translations=translations, count=60)
    write_report(run.params(), tmp_path)
    page, summary = outputs(tmp_path)
    assert len(page) < 400_000
    assert len(summary) < 60_000


def test_the_parameters_can_be_copied_back(tmp_path: Path) -> None:
    files = {
        "train": ["a b: [c].tsv", "- \"d\" 'e' #f"],
        "valid": [],
        "test": [],
        "seed": 2,
        "valid_size": 3,
        "test_size": 4,
    }
    params = run.params(corpus={"name": "files", "files": files}, train={"learning_rate": 1e-05})
    view = gather(params, run.write_run(tmp_path))
    (tmp_path / "params.yaml").write_text(view.params_yaml, "utf-8")
    assert load_params(tmp_path / "params.yaml") == params


def test_results_are_read_as_the_stages_write_them() -> None:
    # The records here are what the earlier stages' own code writes; a renamed column breaks the report, not silence it.
    from dataclasses import fields

    from seqlab.training.curves import EpochPoint, StepPoint

    assert [field.name for field in fields(EpochPoint)] == list(run.epochs(1)[0])
    assert [field.name for field in fields(StepPoint)] == list(json.loads(json.dumps(run.steps(1)[0])))
