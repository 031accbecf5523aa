"""What `seqlab why STAGE` says, on a small project that DVC itself ran."""

import shutil
from pathlib import Path

import pytest

from seqlab.commands.why.stage import explain_stages
from seqlab.core.atomic import write_text
from seqlab.system.dvc import dvc_status
from seqlab.tracking.home import Home
from seqlab.tracking.journal.journal import Journal
from seqlab.tracking.journal.source import keep_source
from seqlab.tracking.objects import Objects
from tests.commands.why.conftest import CODE, dvc, run
from tests.tracking.entries import STARTED

CELL, UNIT = "src/seqlab/model/cell.py", "src/seqlab/model/unit.py"
HARMLESS = "  It will run again, and prove that nothing changed."
SHOW_WAITS = "show: up to date, unless make writes another made.txt"
UNKNOWN = "what changed in it is unknown: neither the journal nor git has it as it was at the last run"

# Edits that can stand together (path, old text, new text; None: no file), and what is said of stage make for each.
ROUNDS = [
    [
        ("params.yaml", "width: 3", "width: 4", "parameter  make.width: 3 → 4"),
        ("params.yaml", "[a, b]", "[a]", 'parameter  make.names: ["a", "b"] → ["a"]'),
        ("params.yaml", "  rate: 1.0\n", "", "parameter  make.rate: 1.0 → (absent)"),
        ("versions.toml", '"2.0"', '"2.1"', "version    torch: 2.0 → 2.1"),
        ("pipeline/make.py", "return KEPT", "return 1", "code       pipeline.make: function main: body changed"),
        (CELL, "KEPT = 3", "KEPT = 4", "code       seqlab.model.cell: constant KEPT: value changed"),
        (UNIT, CODE, None, "code       seqlab.model.unit removed"),
        ("data/own/a.txt", "one", "two", "data       data/own changed: a.txt changed, b.txt added"),
        ("data/own/b.txt", None, "two", None),
    ],
    [
        ("params.yaml", "  rate: 1.0\n", "  rate: 1\n  more: {a: 1}\n", "parameter  make.more.a: (absent) → 1"),
        ("versions.toml", 'numpy = "1.0"\n', "", "version    numpy: 1.0 → (absent)"),
        ("pipeline/make.py", CODE, None, "code       pipeline/make.py is missing"),
        (
            CELL,
            CODE,
            "def",
            "code       src/seqlab/model/cell.py is not valid Python: invalid syntax (cell.py, line 1)",
        ),
        ("src/seqlab/model/words.txt", None, "x", "code       src/seqlab/model/words.txt added"),
        ("data/own/a.txt", "one", None, "data       data/own changed: a.txt removed, c.txt added"),
        ("data/own/c.txt", None, "one", None),
    ],
    [
        ("dvc.yaml", "cp data", "cp -f data", "command    cp data/own/a.txt made.txt → cp -f data/own/a.txt made.txt"),
        ("dvc.yaml", "      - make\n", "      - make\n      - other\n", "parameter  other: (absent) → 1"),
        ("dvc.yaml", "[data/own, ", "[data/own, versions.toml, ", "data       versions.toml is new in dvc.yaml"),
        ("dvc.yaml", "outs: [made.txt]", "outs: [made.txt, more.txt]", "output     more.txt is new in dvc.yaml"),
    ],
]


def edit(root: Path, path: str, old: str | None, new: str | None) -> None:
    before = (root / path).read_text("utf-8") if old is not None else ""
    assert (old or "") in before
    (root / path).unlink(missing_ok=True)
    if new is not None:
        write_text(root / path, before.replace(old, new) if old else new)


def said(root: Path, *stages: str) -> list[str]:
    return "\n".join(map(str, explain_stages(root, list(stages)))).splitlines()


def test_a_finished_pipeline_is_up_to_date(root: Path) -> None:
    assert said(root) == ["make: up to date", "show: up to date"]


@pytest.mark.parametrize("edits", ROUNDS)
def test_what_changed_is_named(root: Path, edits: list[tuple[str, str | None, str | None, str | None]]) -> None:
    for path, old, new, _ in edits:
        edit(root, path, old, new)
    first, *lines, last = said(root)
    assert first == "make: will run"
    assert sorted(lines) == sorted(f"  {reason}" for *_, reason in edits if reason)
    assert last == SHOW_WAITS
    assert list(dvc_status(root)) == ["make"]


def test_a_change_of_comments_will_prove_that_nothing_changed(root: Path) -> None:
    edit(root, CELL, "# Once.", "# Twice.")
    edit(root, "pipeline/show.py", '"""Do it."""', '"""Done."""')
    harmless = "only comments, docstrings or layout changed"
    assert said(root) == [
        "make: will run", f"  code       seqlab.model.cell: {harmless}", HARMLESS,
        "show: will run", f"  code       pipeline.show: {harmless}", HARMLESS,
    ]  # fmt: skip
    edit(root, "params.yaml", "width: 3", "width: 4")
    assert HARMLESS not in said(root)
    assert said(root, "show")[-1] == "  upstream   make first, which may change what it reads"


def test_files_that_a_stage_writes(root: Path) -> None:
    (root / "made.txt").unlink()
    assert said(root) == [
        "make: will be restored from the cache", "  output     made.txt is missing",
        "show: will run", "  data       made.txt is missing; make writes it",
        "  upstream   make first, which may change what it reads",
    ]  # fmt: skip
    write_text(root / "made.txt", "edited")
    assert said(root)[1:4:2] == [
        "  output     made.txt is not as make wrote it (modified)",
        "  data       made.txt was changed on disk since make wrote it",
    ]


def test_data_that_an_earlier_stage_wrote_anew(root: Path) -> None:
    write_text(root / "data/own/a.txt", "two")
    dvc(root, "repro", "--single-item", "make")
    assert said(root) == [
        "make: up to date",
        "show: will run",
        "  data       made.txt is another than at the last run: make wrote it anew",
    ]


def test_a_checkpoint_from_elsewhere_is_told_by_the_parameter_that_names_it(root: Path) -> None:
    edit(root, "dvc.yaml", "[data/own, ", "[data/own, models/origins/base, ")
    edit(root, "params.yaml", "rate: 1.0", "start_from: base")
    told = [
        "  parameter  make.start_from: (absent) → base",
        "  parameter  make.rate: 1.0 → (absent)",
    ]
    missing = "  data       models/origins/base is missing; `seqlab take base` or `dvc pull` puts it there"
    assert said(root, "make") == ["make: will run", missing, *told]
    write_text(root / "models/origins/base/model.safetensors", "weights")
    assert said(root, "make") == ["make: will run", *told]


def test_a_checkpoint_that_was_named_while_stages_ran_is_a_reason(root: Path) -> None:
    edit(root, "dvc.yaml", "[data/own, ", "[data/own, models/origins/base, ")
    write_text(root / "models/origins/base/model.safetensors", "weights")
    told = "  data       dvc.lock has another checkpoint than the parameters in it name"
    assert said(root, "make") == ["make: will run", told]


def test_a_result_that_dvc_has_is_said_to_be_restored(root: Path) -> None:
    edit(root, "params.yaml", "width: 3", "width: 4")
    assert said(root, "make")[0] == "make: will run"
    dvc(root, "repro")
    edit(root, "params.yaml", "width: 4", "width: 3")
    before = (root / "dvc.lock").read_bytes(), (root / "made.txt").read_bytes()
    assert said(root, "make") == ["make: will be restored from the cache", "  parameter  make.width: 4 → 3"]
    assert ((root / "dvc.lock").read_bytes(), (root / "made.txt").read_bytes()) == before


def test_a_stage_that_never_ran(root: Path) -> None:
    (root / "dvc.lock").unlink()
    shutil.rmtree(root / ".dvc/cache/runs")
    assert said(root, "make") == ["make: will run", "  new        it never ran: dvc.lock does not have it"]


def test_code_of_the_last_run_is_found_in_older_commits(root: Path) -> None:
    for value in (4, 5):
        edit(root, CELL, f"KEPT = {value - 1}", f"KEPT = {value}")
        run(root, "git", "commit", "--quiet", "--all", "--message=Edit")
    assert said(root, "make")[1:] == ["  code       seqlab.model.cell: constant KEPT: value changed"]


def test_code_of_the_last_run_is_found_in_the_journal(fresh: Path) -> None:
    home = Home(fresh)
    path = home.journal / "train/f/1.jsonl"
    Journal(path).append("started", **STARTED | {"inputs": {"source.zip": keep_source(fresh, Objects(home.objects))}})
    edit(fresh, "pipeline/make.py", "return KEPT", "return 1")
    assert said(fresh, "make")[1:] == ["  code       pipeline.make: function main: body changed"]


def test_without_a_copy_of_the_code_the_file_is_named_and_why_no_more(fresh: Path) -> None:
    edit(fresh, "pipeline/make.py", "return KEPT", "return 1")
    assert said(fresh, "make")[1:] == [f"  code       pipeline/make.py changed; {UNKNOWN}"]
    edit(fresh, "data/own/a.txt", "one", "two")
    assert "  data       data/own changed" in said(fresh, "make")
