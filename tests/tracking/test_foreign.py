"""Foreign data: what seqlab wrote is read, and whatever else it is becomes a note and no path, name or number."""

import copy
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import INPUTS, OUTPUTS
from seqlab.tracking import foreign
from seqlab.tracking.fingerprint.pipeline import load_stage, stage_names
from seqlab.tracking.foreign_schema import SHOWN
from seqlab.tracking.journal.execution import read_execution
from seqlab.tracking.journal.journal import Journal, read_journal
from seqlab.tracking.journal.ledger import Ledger
from seqlab.tracking.journal.source import SOURCE
from tests.tracking.conftest import Project
from tests.tracking.entries import DIGEST, ENDED, RECIPE, STARTED

ROOT = Path(__file__).parents[2]
DEEP = "[" * 100_000
# Digests that are prefixes, empty, or another alphabet; and paths that lead elsewhere, or to no output.
DIGESTS = ["", DIGEST[:12], DIGEST + "0", DIGEST.upper(), DIGEST[:-1] + "\n", f"../{DIGEST[3:]}", 5, None, ["a"]]
PATHS = [
    *(
        "/etc/passwd",
        "../a",
        "reports/../../a",
        "reports/",
        "reports//a",
        "./reports/a",
        "reports/./a",
        "reports\\..\\a",
    ),
    *("src/sitecustomize.py", ".git/config", "C:/a", "reports/a\n", "reports/\0", "reports/\x1b[2J", "", "params.yam"),
    "reports/" + "a" * 2000,
]


def test_the_declared_outputs_are_the_ones_that_a_journal_may_name() -> None:
    declared = [out for stage in stage_names(ROOT) for out in load_stage(ROOT, stage).outs]
    assert len(declared) > 15
    assert [out for out in declared if not out.startswith(OUTPUTS)] == []
    assert {name for name in (*INPUTS, SOURCE) if not name.startswith(OUTPUTS)} == {*SHOWN}


def skipped(tmp_path: Path, event: str, **fields: Any) -> list[str]:
    """What is said of a line between two sound ones, which are read all the same."""
    journal = Journal(tmp_path / "a.jsonl")
    journal.append("first")
    journal.append(event, **fields)
    journal.append("last")
    said: list[str] = []
    assert [entry["event"] for entry in read_journal(journal.path, said)] in (
        ["first", "last"],
        ["first", event, "last"],
    )
    return said


@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("name", ["train_fingerprint", "run_fingerprint"])
def test_a_fingerprint_is_a_whole_digest(tmp_path: Path, name: str, digest: object) -> None:
    (said,) = skipped(tmp_path, "started", **STARTED | {name: digest})
    assert said.startswith(f"{tmp_path / 'a.jsonl'}, line 2: '{name}': ")


@pytest.mark.parametrize("digest", DIGESTS)
def test_what_an_output_is_told_by_is_a_whole_digest(tmp_path: Path, digest: object) -> None:
    assert skipped(tmp_path, "finished", outputs={"reports/scores.json": digest})


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_that_of_an_output(tmp_path: Path, path: str) -> None:
    for event, fields in (("finished", {"outputs": {path: DIGEST}}), ("started", STARTED | {"inputs": {path: DIGEST}})):
        assert len(skipped(tmp_path / event, event, **fields)) == 1
    assert foreign.files(json.dumps({path: DIGEST[:12]})) == {}
    entry = {"id": "a", "stage": "train", "numerics_class": "", "started": 1.0, "seconds": 1.0, "commit": ""}
    with pytest.raises(SeqlabError):
        Ledger.from_json(json.dumps({"executions": [entry | {"outputs": {path: DIGEST}}]}))


def changed(value: Any, place: str, new: Any) -> Any:
    found = copy.deepcopy(value)
    *parts, last = place.split(".")
    inner = found
    for part in parts:
        inner = inner[part]
    inner[last] = new
    return found


@pytest.mark.parametrize("new", [None, [], "text", -1, {"a": {"b": {"c": {"d": 1}}}}])
@pytest.mark.parametrize(
    "place",
    ["recipe", "recipe.train", "recipe.train.data", "recipe.evaluate.corpus", "recipe.train.code",
     "provenance.versions", "provenance.params_diff", "recipe.train.model.hidden_size",
     "recipe.evaluate.evaluate.beam_size", "inputs", "recipe.train.runtime.device"],
)  # fmt: skip
def test_a_start_of_wrong_types_is_skipped_and_said(tmp_path: Path, place: str, new: object) -> None:
    if (place, new) in (("recipe.train.runtime.device", "text"),):
        return
    assert skipped(tmp_path, "started", **changed(STARTED, place, new))


@pytest.mark.parametrize("ratio", [-0.1, 1.5, 1e308])
def test_a_ratio_is_a_probability(tmp_path: Path, ratio: float) -> None:
    place = "recipe.train.train.teacher_forcing_ratio"
    assert not skipped(tmp_path / "sound", "started", **changed(STARTED, place, 1.0))
    assert skipped(tmp_path, "started", **changed(STARTED, place, ratio))


@pytest.mark.parametrize("name", ["step", "epoch"])
@pytest.mark.parametrize("number", [1e300, 10**12 + 1, -1, 2.5, True, None, "2"])
def test_a_step_is_one_that_a_training_reaches(tmp_path: Path, name: str, number: object) -> None:
    for event in ("StepFinished", "EpochFinished"):
        point = {"step": 2, "epoch": 1, "loss": 1.5}
        assert not skipped(tmp_path / "sound" / event, event, point=point)
        assert skipped(tmp_path / event, event, point=point | {name: number})


@pytest.mark.parametrize(
    "line", [DEEP, "[]", '{"a":' * 100_000, '{"event": "finished", "time": 1e999}', "x" * (1 << 22)]
)
def test_a_line_that_is_whole_and_none_of_ours_is_said_and_a_torn_one_is_not(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    Journal(path).append("one")
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")
    Journal(path).append("two")
    said: list[str] = []
    assert [entry["event"] for entry in read_journal(path, said)] == ["one", "two"]
    assert len(said) == (line != '{"event": "fin')


def test_a_line_from_the_future_is_none_of_ours(tmp_path: Path) -> None:
    """A process that wrote it would be waited for until then."""
    path = tmp_path / "a.jsonl"
    for hours in (-1, 1, 25, 9e6):
        line = {"event": "finished", "time": time.time() + 3600 * hours, **ENDED}
        path.write_text(json.dumps(line) + "\n")
        said: list[str] = []
        assert len(list(read_journal(path, said))) == (hours < 24)
        assert said == [f"{path}, line 1: 'time': is in the future"] * (hours > 24)


def test_sound_entries_are_read_as_they_stand(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "20260101T000000000000-0123abcd.jsonl")
    journal.append("started", **STARTED)
    journal.append("StepFinished", point={"step": 3, "epoch": 1, "loss": float("nan")}, tokens_per_second=1.0)
    journal.append("finished", **ENDED)
    said: list[str] = []
    execution = read_execution(journal.path, said)
    assert said == []
    assert execution is not None
    assert (execution.outcome, execution.outputs, execution.header["recipe"]) == ("finished", ENDED["outputs"], RECIPE)


@pytest.mark.parametrize(
    "text",
    [DEEP, "", "null", "[]", '{"executions": 5}', '{"executions": [[]]}', '{"executions": [{"id": "a"}]}', "\ud800",
     '{"executions": [{"id": "a b", "stage": "train", "numerics_class": "", "started": 0, "seconds": 1, "commit": "",'
     ' "outputs": {}}]}',
     '{"executions": [{"id": "a", "stage": "train", "numerics_class": "no JSON", "started": 0, "seconds": 1,'
     ' "commit": "", "outputs": {}}]}',
     '{"executions": [{"id": "a", "stage": "train", "numerics_class": "", "started": 0, "seconds": NaN,'
     ' "commit": "", "outputs": {}}]}'],
)  # fmt: skip
def test_a_ledger_of_somebody_elses_is_an_error_for_people(text: str) -> None:
    with pytest.raises(SeqlabError):
        Ledger.from_json(text)


@pytest.mark.parametrize("text", [DEEP, "", "5", "{}", '{"a": 1}', '["a"]', '{"reports/a": "0"}', '{"reports/a": 5}'])
def test_a_tag_of_somebody_elses_says_nothing(text: str) -> None:
    assert foreign.files(text) == {}


@pytest.mark.parametrize(
    "text",
    ["m-1?/../../../src/sitecustomize", "../m", "", "m-", f"m-{'a' * 31}", f"m-{'a' * 32}\n", f"m-{'a' * 33}",
     f"M-{'a' * 32}", f"m-{'a' * 31}/"],
)  # fmt: skip
def test_a_models_id_is_matched_whole(text: str) -> None:
    with pytest.raises(SeqlabError, match="is no id of a model in MLflow"):
        foreign.model_id(text)
    assert foreign.model_id(f"m-{'0af' * 10}12") == f"m-{'0af' * 10}12"


@pytest.mark.parametrize(
    ("corpus", "name"),
    [
        ({"name": "files", "source": "en", "target": "pt-BR"}, "seqlab-files-en-pt-BR"),
        ({"name": "files", "source": "en", "target": "pt/BR"}, None),
        ({"name": "files", "source": "..", "target": "a'b"}, None),
        ({"name": "files", "source": "en", "target": "a" * 300}, None),
    ],
)
def test_a_task_is_a_name(corpus: dict[str, str], name: str | None) -> None:
    assert foreign.task(corpus) == name


def test_what_is_larger_than_anything_of_ours_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "LARGEST_TEXT", 10)
    (tmp_path / "a").write_bytes(b"x" * 11)
    with pytest.raises(SeqlabError, match="is larger than 10 bytes"):
        foreign.limited_bytes(tmp_path / "a")
    with pytest.raises(SeqlabError, match="is larger than 10 bytes"):
        foreign.translations(b"x" * 11)


def many(item: str, size: int) -> str:
    """A list of `size` bytes, about."""
    return f"[{f'{item},' * (size // (len(item) + 1))}{item}]"


def keys(value: str, size: int) -> str:
    return "{" + ",".join(f'"{number}":{value}' for number in range(size // (8 + len(value)))) + "}"


def planted(content: Any, value: str) -> bytes:
    return json.dumps(content).replace('"@"', value).encode()


EXECUTION = {
    "id": "a",
    "stage": "train",
    "numerics_class": "",
    "started": 1,
    "seconds": 1,
    "commit": "",
    "outputs": "@",
}
# What is read, with a value of so many bytes at the worst place: each took hundreds of megabytes, and seconds.
LARGE: dict[str, tuple[Callable[[bytes], object], Any, Callable[[int], str]]] = {
    "recipe, lists": (foreign.recipe, {"train": {"x": "@"}}, lambda size: many("[]", size)),
    "recipe, numbers": (foreign.recipe, {"train": {"x": "@"}}, lambda size: many("0", size)),
    "recipe, keys": (foreign.recipe, changed(RECIPE, "train.zz", "@"), lambda size: keys("[[]]", size)),
    "ledger, outputs": (lambda text: foreign.ledger_entries(text.decode()), {"executions": [EXECUTION]},
                        lambda size: keys("0", size)),
    "ledger, numbers": (lambda text: foreign.ledger_entries(text.decode()), {"executions": "@"},
                        lambda size: many("0", size)),
    "line, lists": (foreign.journal_entry, {"event": "started", "time": 1, **changed(STARTED, "recipe.train.zz", "@")},
                    lambda size: many("[]", size)),
    "line, keys": (foreign.journal_entry, {"event": "started", "time": 1, **changed(STARTED, "recipe.train.zz", "@")},
                   lambda size: keys("[[]]", size)),
    "line, outputs": (foreign.journal_entry, {"event": "finished", "time": 1, "outputs": "@"},
                      lambda size: keys("0", size)),
    "translations": (foreign.translations, {"translation": "", "references": "@"}, lambda size: many("0", size)),
    "any object": (foreign.json_object, {"a": "@"}, lambda size: many("[]", size)),
    "tag": (lambda text: foreign.files(text.decode()) or foreign.numerics(text.decode()), "@",
            lambda size: keys("0", size)),
}  # fmt: skip
MEASURED = """
import resource, sys
from tests.tracking.test_foreign import LARGE, planted
from seqlab.core.errors import SeqlabError
for name, (read, content, value) in LARGE.items():
    text = planted(content, value(int(sys.argv[1])))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        read(text)
    except SeqlabError as error:
        assert len(str(error)) < 300, error
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert more < 150, f"{name}: {more} MiB"
"""


@pytest.mark.parametrize("size", [1 << 19, (1 << 22) - 2000])
def test_what_is_small_takes_no_hundreds_of_megabytes(size: int) -> None:
    subprocess.run([sys.executable, "-c", MEASURED, str(size)], check=True, cwd=ROOT)


def test_as_many_lines_as_translations_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    line = b'{"references":[""],"translation":""}\n'
    assert len(foreign.translations(line * 3)) == 3
    monkeypatch.setattr(foreign, "MOST", 2)
    with pytest.raises(SeqlabError, match="has more than 2 lines"):
        foreign.translations(line * 3)


def test_a_training_that_resumes_with_many_points_is_read(tmp_path: Path) -> None:
    points = [{"step": step, "epoch": 1, "loss": 1.5, "norm": 0.5, "rate": 0.1, "ratio": 1.0} for step in range(40_000)]
    assert not skipped(tmp_path, "TrainingStarted", step=1, epoch=1, epochs=9, steps_per_epoch=9, step_points=points)


@pytest.mark.parametrize("name", ["step", "epoch", "epochs", "steps_per_epoch"])
@pytest.mark.parametrize("number", [1e300, 10**400, -5, True, "2"], ids=lambda number: f"{number!s:.9}")
def test_a_training_has_as_many_steps_as_one_reaches(tmp_path: Path, name: str, number: object) -> None:
    began = {"step": 0, "epoch": 1, "epochs": 3, "steps_per_epoch": 50}
    assert not skipped(tmp_path / "sound", "TrainingStarted", **began)
    assert skipped(tmp_path, "TrainingStarted", **began | {name: number})


def test_a_journal_is_named_as_an_execution_is(tmp_path: Path) -> None:
    for name in ("x y", "x\x1b[2J", "é", "a" * 81):
        Journal(tmp_path / f"{name}.jsonl").append("started", **STARTED)
        said: list[str] = []
        assert read_execution(tmp_path / f"{name}.jsonl", said) is None
        assert said == [f"{tmp_path / name}.jsonl: its name is no execution's"]


def test_a_journal_has_no_more_lines_than_a_training_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.tracking.journal.journal.MOST_LINES", 2)
    path = tmp_path / "a.jsonl"
    for _ in range(3):
        Journal(path).append("one")
    said: list[str] = []
    assert len(list(read_journal(path, said))) == 2
    assert said == [f"{path}: has more than 2 lines, the others are not read"]


def test_the_projects_own_journal_passes(project: Project) -> None:
    project.run()
    said: list[str] = []
    assert [read_execution(path, said) is not None for path in project.home.journal.glob("*/*/*.jsonl")] == [True] * 3
    assert said == []
