import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from mlflow.exceptions import MlflowException

from benchmarks.invented_runs import (
    BUCKETS,
    COMMIT,
    CURVES,
    EXPERIMENT,
    SIGNATURE,
    InventedRun,
    grid,
    references,
    stand_in,
    worsened,
)
from seqlab.cli import main
from seqlab.commands.compare import compare as module
from seqlab.commands.compare.compare import Comparison, _told, compare
from seqlab.core.errors import SeqlabError
from seqlab.pages.markdown import literal
from seqlab.tracking.publishing.server import Server
from tests.reporting.test_markdown import CALLS

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>|`$x$`\u202e @octocat #12 \x1b]0;x\x07'
Compare = Callable[..., Comparison]


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """Compare invented runs; what is written is below tmp_path/reports."""
    (tmp_path / ".dvc").mkdir()
    monkeypatch.delenv("DVC_ROOT", raising=False)

    def run(runs: list[InventedRun], uri: str = "sqlite:///mlflow.db", **options: Any) -> Comparison:
        monkeypatch.setattr(module, "connect", lambda _: stand_in(runs, tmp_path / "store", uri))
        return compare(tmp_path, tmp_path / "reports", **options)

    return run


def written(root: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted((root / "reports").iterdir())}


def test_three_files_and_a_verdict(compared: Compare, tmp_path: Path) -> None:
    comparison = compared(grid((0.0, 1.0), (64, 128), 2), "http://127.0.0.1:5000")
    files = written(tmp_path)
    assert list(files) == ["comparison.csv", "comparison.html", "comparison.md"]
    scores = [run.score for run in comparison.view.runs]
    assert (len(scores), scores) == (8, sorted(scores, reverse=True))
    best = comparison.view.best.name
    assert f"Best     {best}, BLEU {scores[0]:.2f}, of 8 runs" in str(comparison)
    label = comparison.view.labels[0]
    assert re.fullmatch(r"hidden_size (64|128), teacher_forcing_ratio 1.0, seed [12]", label)
    assert f"{label}</bdi> is best, with BLEU {scores[0]:.2f}" in files["comparison.html"]
    recipe = comparison.view.recipe_labels[0]
    assert f"Recipe   {recipe}: mean BLEU {comparison.view.groups[0].mean:.2f} ± " in str(comparison)
    assert re.search(r" \d of the 3 other recipes with several seeds can't be told from it \(Welch", str(comparison))
    assert f"{recipe}</bdi> has the highest mean BLEU" in files["comparison.html"]
    assert f"Best recipe of those with several seeds: {literal(recipe)}, mean BLEU" in files["comparison.md"]
    assert comparison.view.differing == ["model.hidden_size", "train.teacher_forcing_ratio", "seed"]
    assert "http://127.0.0.1:5000/#/experiments/7/runs/" in files["comparison.html"]
    assert [len(group.scores) for group in comparison.view.groups] == [2, 2, 2, 2]
    # Charts of recipes where there are several seeds, else of runs.
    assert ", means of the seeds of 4 recipes." in files["comparison.html"]
    compared(grid((0.0, 1.0), (64, 128), 1))
    assert ", means of the seeds of" not in written(tmp_path)["comparison.html"]
    # Runs without teacher forcing are far behind, and the test says so.
    assert all(comparison.view.analysis.against_best[place - 1].distinct for place in range(4, 8))


def test_the_same_runs_give_the_same_bytes(compared: Compare, tmp_path: Path) -> None:
    runs = grid((0.0, 1.0), (64,), 2)
    compared(runs)
    before = written(tmp_path)
    compared(list(reversed(runs)))
    assert written(tmp_path) == before


def test_the_table_has_every_parameter_and_number(compared: Compare, tmp_path: Path) -> None:
    runs = grid((0.0, 1.0), (64,), 1)
    runs[0].params["note"] = "=HYPERLINK(1)"
    comparison = compared(runs)
    rows = list(csv.DictReader(io.StringIO(written(tmp_path)["comparison.csv"])))
    assert [row["run"] for row in rows] == ["run-2", "run-1"]
    assert rows[1]["note"] == "'=HYPERLINK(1)"
    assert float(rows[1]["test/bleu"]) == runs[0].metrics["test/bleu"]
    assert float(rows[1]["p_corrected"]) == pytest.approx(comparison.view.analysis.against_best[0].corrected, rel=1e-5)
    assert (rows[0]["distinct_from_best"], rows[1]["distinct_from_best"]) == ("", "yes")


def test_runs_of_earlier_versions_have_their_figures_under_the_new_names(compared: Compare, tmp_path: Path) -> None:
    runs = grid((0.0, 1.0), (64,), 1)
    runs[0].metrics["best/valid_bleu"] = runs[0].metrics.pop("valid_best/bleu")
    compared(runs)
    rows = list(csv.DictReader(io.StringIO(written(tmp_path)["comparison.csv"])))
    assert [float(row["valid_best/bleu"]) for row in rows] == pytest.approx([float(row["bleu"]) - 1 for row in rows])
    assert "best/valid_bleu" not in rows[0]


def test_a_commit_leads_to_its_page(compared: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "remote_address", lambda _: "git@example.org:team/project.git")
    runs = grid((0.0, 1.0), (64,), 1)
    del runs[1].tags["commit"]
    compared(runs)
    page = written(tmp_path)["comparison.html"]
    assert page.count(f'<a href="https://example.org/team/project/commit/{COMMIT}" rel="noreferrer">') == 1


def test_the_mark_beside_a_commit_means_code(compared: Compare, tmp_path: Path) -> None:
    runs = grid((0.0, 1.0), (64,), 1)
    # As an earlier version has it of every run of `dvc exp run -S`.
    runs[0].tags |= {"dirty": "yes", "dirty_files": "params.yaml"}
    compared(runs)
    assert "+ changes" not in written(tmp_path)["comparison.html"]
    runs[1].tags |= {"dirty": "yes", "dirty_files": "pipeline/train.py"}
    compared(runs)
    assert written(tmp_path)["comparison.html"].count("+ changes") == 1


def test_metrics_of_some_tasks_have_a_column_where_a_run_has_them(compared: Compare, tmp_path: Path) -> None:
    runs = grid((0.0, 1.0), (64,), 2)
    compared(runs)
    assert "ROUGE" not in "".join(written(tmp_path).values())
    runs[0].metrics |= {"test/rouge1": 31.44, "test/rougeL": 27.62, "test/distinct_2": 6.78}
    compared(runs)
    files = written(tmp_path)
    table = MarkdownIt().enable("table").parse(files["comparison.md"])
    cells = [table[place + 1].content for place, token in enumerate(table) if token.type in ("th_open", "td_open")]
    columns = cells.index("corrected p") + 1
    assert cells[:columns][-5:-2] == ["ROUGE-1", "ROUGE-L", "Distinct-2"]
    rows = [cells[start : start + columns] for start in range(columns, 5 * columns, columns)]
    assert sorted(row[-5:-2] for row in rows) == [["31.4", "27.6", "6.8"], *[["–"] * 3] * 3]
    page = files["comparison.html"].split('<table id="table-of-runs">')[1].split("</table>")[0]
    _, heading, *bodies = page.split("<tr>")
    assert [body.count("<td") + 1 for body in bodies] == [heading.count("<th")] * 4
    assert 'data-number="27.62">27.6</td>' in page
    assert "test/rougeL" in files["comparison.csv"].splitlines()[0].split(",")


def test_hostile_names_parameters_and_translations_are_text(compared: Compare, tmp_path: Path) -> None:
    runs = grid((0.0, 1.0), (64,), 1)
    runs += [InventedRun(9, {"seed": HOSTILE, HOSTILE: HOSTILE}, runs[0].texts, [HOSTILE] * 60)]
    runs[2].tags |= {"mlflow.runName": HOSTILE, "commit": HOSTILE}
    compared(runs, 'http://name:password@host/"><script>alert(1)</script>')
    files = written(tmp_path)
    assert "password" not in "".join(files.values())
    assert "<script>alert" not in files["comparison.html"]
    assert "<img" not in files["comparison.html"]
    assert "\u202e" not in files["comparison.html"] + files["comparison.md"]
    assert "\x1b" not in "".join(files.values())
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(files["comparison.md"])
    assert not CALLS.search(re.sub(r"<[^>]*>", "", shown))
    assert "<script>" not in shown
    assert "<img" not in shown
    widths = {row.count("<td") for row in shown.split("<table>")[1].split("</table>")[0].split("<tr>")[2:]}
    assert len(widths) == 1


def test_a_name_of_two_lines_says_nothing_in_our_place(compared: Compare) -> None:
    runs = grid((0.0, 1.0), (64,), 1)
    for run in runs:
        run.tags["mlflow.runName"] = "x\nPage     http://theirs"
    said = str(compared(runs)).splitlines()
    assert said[0].startswith(r"Best     x\nPage     http://theirs, BLEU ")
    assert sum(line.startswith("Page ") for line in said) == 1


def test_sections_without_anything_to_show_are_left_out(compared: Compare, tmp_path: Path) -> None:
    runs = grid((0.0, 1.0), (64,), 1)
    compared(runs)
    page = written(tmp_path)["comparison.html"]
    assert 'id="exposure"' not in page
    assert 'id="recipes"' not in page
    runs[0].exposure = True
    compared(runs)
    page = written(tmp_path)["comparison.html"]
    assert 'id="exposure"' in page
    assert "exposure gap" in page


def test_runs_whose_translations_are_missing_damaged_or_not_those_scored_are_left_out(
    compared: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = grid((0.0, 0.5, 1.0), (64,), 2)
    server = stand_in(runs, tmp_path / "store")
    monkeypatch.setattr(module, "connect", lambda _: server)
    places = [tmp_path / "store" / run.id / "artifacts/reports/translations.jsonl" for run in runs]
    places[0].unlink()
    places[1].write_text("{", "utf-8")
    places[2].write_text(places[3].read_text("utf-8"), "utf-8")
    other = references(60, seed=2)
    places[3].write_text(InventedRun(4, {}, other, other).files["reports/translations.jsonl"], "utf-8")
    comparison = compare(tmp_path, tmp_path / "reports")
    assert [run.name for run in comparison.view.runs] == ["run-6", "run-5"]
    notes = "\n".join(comparison.view.notes)
    assert "reports/translations.jsonl of 1 run (run-1): not in the artifact store, which may have been moved" in notes
    assert "1 run (run-1) left out: no reports/translations.jsonl to be found" in notes
    assert "run-2 left out: " in notes
    assert "translations.jsonl is damaged (line 1: invalid JSON" in notes
    assert "run-3 left out: its score is" in notes
    assert "run-4 left out: the sentences of" in notes
    assert "run-3 left out" in written(tmp_path)["comparison.html"]


def test_nothing_is_written_if_runs_cannot_be_compared(compared: Compare, tmp_path: Path) -> None:
    runs = grid((0.0, 1.0), (64,), 1)
    texts = references(60, seed=5)
    runs.append(InventedRun(3, {}, texts, worsened(texts, 0.2, 1)))
    with pytest.raises(SeqlabError, match="can't be compared, because their test sets differ"):
        compared(runs, condition="metrics.`test/bleu` > 0")
    with pytest.raises(SeqlabError, match="can't be compared, because their test sets differ"):
        compared(runs[1:])
    with pytest.raises(SeqlabError, match="fewer than two runs to compare: 1"):
        compared(runs[:1])
    with pytest.raises(SeqlabError, match="no finished run to compare in experiment seqlab"):
        compared([])
    with pytest.raises(SeqlabError, match=r"no run has a parameter model\.hiden_size; did you mean model\.hidden_size"):
        compared(runs[:2], heat=("model.hiden_size", "seed"))
    assert not (tmp_path / "reports").exists()


def test_the_command_says_why_and_exits_with_1(
    compared: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "connect", lambda _: stand_in([], tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["compare"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: no finished run to compare")
    assert CliRunner().invoke(main, ["compare", "a", "--filter", "b"]).exit_code == 2


class Remote:
    """A client of a server with a store of its own, which has lost its curves; counts what is downloaded."""

    def __init__(self, server: Server, store: Path) -> None:
        self.search_runs = server.client.search_runs
        self.store = store
        self.downloads: list[str] = []

    def download_artifacts(self, run_id: str, path: str, folder: str) -> str:
        if path.endswith("curves.csv"):
            raise MlflowException("the disk is gone\nand more")
        self.downloads.append(f"{run_id} {path}")
        place = Path(folder, Path(path).name)
        place.write_bytes((self.store / run_id / "artifacts" / path).read_bytes())
        return str(place)


def test_files_of_a_server_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dvc").mkdir()
    runs = grid((0.0, 1.0), (64,), 2)
    server = stand_in(runs, tmp_path / "store")
    for entity in server.client.runs:  # type: ignore[attr-defined]
        entity.info._artifact_uri = f"mlflow-artifacts:/7/{entity.info.run_id}/artifacts"
    # A server may say anything: this is no path of ours.
    runs[0].tags["seqlab.files"] = json.dumps(dict.fromkeys(runs[0].files, "../../../x"))
    server.client.runs[0] = hostile = runs[0].entity(tmp_path / "store")  # type: ignore[attr-defined]
    hostile.info._artifact_uri = "mlflow-artifacts:/7/x/artifacts"
    remote = Remote(server, tmp_path / "store")
    monkeypatch.setattr(module, "connect", lambda _: Server(remote, "http://127.0.0.1:5000", EXPERIMENT))  # type: ignore[arg-type]
    first = compare(tmp_path, tmp_path / "reports")
    # Then the run has no files that we know of.
    assert (len(first.view.runs), len(remote.downloads)) == (3, 6)
    names = ", ".join(run.name for run in first.view.runs)
    lost = f"reports/curves.csv of 3 runs ({names}): could not be downloaded: the disk is gone and more"
    assert lost in first.view.notes
    assert any("left out" in note for note in first.view.notes)
    before = written(tmp_path)
    compare(tmp_path, tmp_path / "reports")
    assert len(remote.downloads) == 6
    assert written(tmp_path) == before
    # Another file than the one that was published is none of the run's, once it is asked for again.
    (tmp_path / "store" / runs[1].id / "artifacts/reports/translations.jsonl").write_text("{}")
    for path in (tmp_path / ".seqlab/downloads/files").iterdir():
        path.unlink()
    third = compare(tmp_path, tmp_path / "reports")
    assert len(third.view.runs) == 2
    assert any(
        note.startswith("reports/translations.jsonl of 1 run (run-2): not the file that was published")
        for note in third.view.notes
    )
    assert {path.parent for path in (tmp_path / ".seqlab/downloads").rglob("*") if path.is_file()} == {
        tmp_path / ".seqlab/downloads/files"
    }


def test_no_password_reaches_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dvc").mkdir()
    server = stand_in(grid((0.0, 1.0), (64,), 1), tmp_path / "store", "http://alice:hunter2@127.0.0.1:9")
    for run in server.client.runs:  # type: ignore[attr-defined]
        run.info._artifact_uri = "mlflow-artifacts:/7/x"
    working = server.client.download_artifacts

    def download(run_id: str, path: str, folder: str) -> str:
        if path.endswith("translations.jsonl"):
            return str(working(run_id, path, folder))
        words = "API request to http://alice:hunter2@127.0.0.1:9/api failed with exception HTTPConnectionPool"
        raise MlflowException(words if path.endswith("curves.csv") else "")

    monkeypatch.setattr(server.client, "download_artifacts", download)
    noted = dataclasses.replace(server, notes=("moved from postgresql://alice:hunter2@h/db",))
    monkeypatch.setattr(module, "connect", lambda _: noted)
    comparison = compare(tmp_path, tmp_path / "reports")
    assert "could not be downloaded: API request to http://127.0.0.1:9/api failed" in "\n".join(comparison.view.notes)
    assert "could not be downloaded: MlflowException" in "\n".join(comparison.view.notes)
    assert "moved from postgresql://h/db" in comparison.view.notes
    assert [name for name, text in written(tmp_path).items() if "hunter2" in text] == []


# What one run has, beside which the others are compared all the same: path, content, beginning of the note.
STRANGE = {
    "a curve that is none": ("reports/curves.csv", "step\nx\n", "its reports/curves.csv is not drawn: "),
    "values that no sum has": (
        "reports/curves.csv", f"{CURVES}\n1,313,1,1.7e308,1,1.7e308,,1,1,1\n2,626,1,1,1,-1.7e308,,1,1,1\n", "",
    ),
    "steps that no axis has": (
        "reports/curves.csv", f"{CURVES}\n1,{10**308},1,1,1,1,,1,1,1\n2,-{10**308},1,2,1,2,,1,1,1\n", "",
    ),
    "tokens that no sum has": (
        "reports/exposure.csv", f"position,tokens,gold_nll,own_nll\n1,{10**309},1,2\n2,{10**309},1,2\n", "",
    ),
    "tokens below none": ("reports/exposure.csv", "position,tokens,gold_nll,own_nll\n1,-1,1,1\n2,1,1,1\n", ""),
    "other buckets": ("reports/bleu_by_length.csv", f"{BUCKETS}\n0–9,0,9,3,40,39,41\n", ""),
    "buckets without end": (
        "reports/bleu_by_length.csv", f"{BUCKETS}\n" + "".join(f"{n},{n},,1,1,1,1\n" for n in range(999)),
        "its reports/bleu_by_length.csv is not drawn: 999 source-length buckets",
    ),
    "a score of no number": ("reports/translations.jsonl", "9" * 400, "left out: "),
    "other sentences": ("reports/translations.jsonl", "", "left out: the sentences of"),
}  # fmt: skip


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("seeds", [1, 2])
def test_one_run_of_a_strangers_stops_nobody(
    compared: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, seeds: int
) -> None:
    path, content, note = STRANGE[kind]
    runs = grid((0.5, 1.0), (64, 128), seeds)
    # As good as can be, and so asked first.
    strange = InventedRun(99, runs[0].params | {"seed": "7"}, runs[0].texts, runs[0].texts)
    left_out = path.endswith("translations.jsonl")
    if left_out:
        texts = references(60, seed=9)
        other = InventedRun(99, {}, texts, texts).files[path]
        content = re.sub(r'"bleu": [\d.]+', f'"bleu": {content}', other) if content else other
    honest = InventedRun.files.fget  # type: ignore[attr-defined]
    changed = property(lambda run: honest(run) | ({path: content} if run is strange else {}))
    monkeypatch.setattr(InventedRun, "files", changed)
    comparison = compared([*runs, strange])
    assert len(comparison.view.runs) == len(runs) + (not left_out)
    begins = f"run-99{' ' if left_out else ': '}{note}"
    assert any(text.startswith(begins) for text in comparison.view.notes) == bool(note), comparison.view.notes
    page = written(tmp_path)["comparison.html"]
    assert "run-1" in page
    assert ("0–5" in page, "0–9" in page) == (True, False)


@pytest.mark.parametrize("perplexity", [1.7e308, -1.7e308])
def test_a_perplexity_that_no_axis_has_is_not_drawn(compared: Compare, tmp_path: Path, perplexity: float) -> None:
    runs = grid((0.0, 1.0), (64,), 2)
    drawn = "Perplexity and BLEU of 4 runs"
    compared(runs)
    assert drawn in written(tmp_path)["comparison.html"]
    runs[0].metrics["test/perplexity"] = perplexity
    compared(runs)
    assert drawn not in written(tmp_path)["comparison.html"]


@pytest.mark.parametrize(
    "tags",
    [{"data.data/raw/test.jsonl": "0" * 32}, {"test.measure": "exact_match", "signature.exact_match": SIGNATURE}],
)
def test_a_run_that_measures_something_else_is_left_out_of_all(compared: Compare, tags: dict[str, str]) -> None:
    runs = grid((0.0, 1.0), (64,), 2)
    runs[0].tags |= tags
    runs[0].metrics["test/exact_match"] = 100.0
    comparison = compared(runs)
    assert [run.measure.key for run in comparison.view.runs] == ["bleu"] * 3
    (note,) = [note for note in comparison.view.notes if "left out" in note]
    assert note.startswith("1 run (run-1) left out: another test set or signature than most runs have; --filter ")
    with pytest.raises(SeqlabError, match="can't be compared"):
        compared(runs, condition="metrics.`test/bleu` > 0")


@pytest.mark.parametrize(("uri", "asked"), [("http://127.0.0.1:5000", True), ("sqlite:///mlflow.db", False)])
def test_no_folder_is_read_because_a_run_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, asked: bool
) -> None:
    """Of a server none at all, of a database only what lies in its store: whoever wrote the run may have lied."""
    (tmp_path / ".dvc").mkdir()
    runs = grid((0.0, 1.0), (64,), 2)
    server = stand_in(runs, tmp_path / "store", uri)
    # Somebody else's files, which would pass for the run's; the store's are named through a link and by "..".
    names = ["elsewhere", "store/../elsewhere", "link"]
    for name, run, entity in zip(names, runs, server.client.runs, strict=False):  # type: ignore[attr-defined]
        run.write(tmp_path / "elsewhere")
        entity.info._artifact_uri = f"file://{tmp_path}/{name}/{run.id}/artifacts"
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    calls: list[str] = []

    def download(run_id: str, path: str, folder: str) -> str:
        calls.append(run_id)
        raise MlflowException("not from here")

    monkeypatch.setattr(server.client, "download_artifacts", download)
    monkeypatch.setattr(module, "connect", lambda _: server)
    with pytest.raises(SeqlabError, match="fewer than two runs to compare"):
        compare(tmp_path, tmp_path / "reports")
    # Each is asked for through MLflow, which checks the address too.
    assert set(calls) == {run.id for run in (runs if asked else runs[:3])}


@pytest.mark.parametrize(
    ("alike", "others", "said"),
    [
        (0, 2, "every other run is worse by more than chance (corrected p < 0.05)"),
        (1, 1, "the other run can't be told from it (corrected p >= 0.05)"),
        (1, 3, "1 of the 3 other runs can't be told from it (corrected p >= 0.05)"),
        (0, 0, "there is no other run"),
    ],
)
def test_the_verdict_is_a_sentence(alike: int, others: int, said: str) -> None:
    assert _told(alike, others, "run") == said


def test_runs_of_a_corpus_measured_by_exact_match(compared: Compare, tmp_path: Path) -> None:
    """Ranked and tested by it, where BLEU says the opposite."""
    texts = references(60)
    right = [*texts[:36], *["chat"] * 24]  # 36 whole sentences, and nothing of the others
    near = [f"{text} pas" for text in texts]  # a word too many in every sentence
    runs = [_exact(number, texts, side) for number, side in enumerate((near, right))]
    assert runs[0].metrics["test/bleu"] > runs[1].metrics["test/bleu"]
    comparison = compared(runs)
    assert [run.score for run in comparison.view.runs] == [60.0, 0.0]
    assert str(comparison).startswith("Best     run-1, Exact match 60.00, of 2 runs")
    (verdict,) = comparison.view.analysis.against_best
    assert verdict.distinct
    interval = comparison.view.interval(0)
    margin = 1.96 * 100 * (0.6 * 0.4 / 60) ** 0.5
    assert [interval.low, interval.high] == pytest.approx([60 - margin, 60 + margin], abs=2)
    files = written(tmp_path)
    assert re.search(
        r"\| run \| model.cell \| Exact match \| 95 % interval \| +BLEU \| chrF2 \|", files["comparison.md"]
    )
    assert "Exact match signature `nrefs:1|case:mixed`; 60 sentences" in files["comparison.md"]
    assert "<li><span>best Exact match</span> 60.00</li>" in files["comparison.html"]
    assert "Validation Exact match" in files["comparison.html"]
    row = next(csv.DictReader(io.StringIO(files["comparison.csv"])))
    assert (row["exact_match"], row["behind_best"]) == ("60", "0")


def test_other_measures_of_one_test_set_are_refused(compared: Compare) -> None:
    texts = references(20)
    runs = [_exact(1, texts, texts), InventedRun(2, {"model.cell": "gru"}, texts, texts)]
    with pytest.raises(SeqlabError, match="their Exact match and BLEU signatures differ"):
        compared(runs)


def _exact(number: int, texts: list[str], translations: list[str]) -> InventedRun:
    share = 100 * sum(map(str.__eq__, texts, translations)) / len(texts)
    tags = {"test.measure": "exact_match", "signature.exact_match": "nrefs:1|bs:1000|seed:12345|case:mixed"}
    metrics = {"test/exact_match": share, "valid_best/exact_match": share}
    return InventedRun(number, {"model.cell": ("gru", "lstm")[number]}, texts, translations, tags, metrics)
