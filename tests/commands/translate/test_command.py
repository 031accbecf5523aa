"""`seqlab translate` from end to end, with a model that echoes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from seqlab.cli import main
from seqlab.commands.translate.attention_page import MOST_MAPS
from seqlab.core.errors import SeqlabError
from seqlab.evaluation.translation import AttentionMap, Translation
from seqlab.evaluation.translator import Translator

ROOT = Path(__file__).parents[3]
# PyTorch's compiler, and what reports, scores and publishing need: each takes as long to import as a text to translate.
HEAVY = {"torch._dynamo", "torch._inductor", "sympy", "matplotlib", "mlflow", "pandas", "sacrebleu", "scipy"}
TRANSLATING = f"""
import sys, torch
import seqlab.commands.translate.command
from seqlab.evaluation.search.beam import beam_search
from tests.seq2seq.model.tiny import tiny_model
found = beam_search(tiny_model(), torch.tensor([[4, 5]]), torch.tensor([2]), beam_size=2, length_penalty=1.0, n_best=1,
                    max_length=5, with_attention=False)
print(len(found), sorted(set(sys.modules) & {HEAVY}))
"""
HOSTILE = "<script>alert(1)</script>"


class Echo:
    """Stands in for a model: a translation is its source, with a map of one token each where it was asked for."""

    def __init__(self, *, attention: bool = True) -> None:
        self.attention = attention

    def translate(self, texts: Sequence[str], *, attention_of: Collection[int], **_: Any) -> list[list[Translation]]:
        if "\udcff" in texts:
            raise SeqlabError("not valid Unicode")
        return [[self._translation(text, row in attention_of)] for row, text in enumerate(texts)]

    def _translation(self, text: str, wanted: bool) -> Translation:
        shown = AttentionMap([text, "</s>"], [text], [[0.75, 0.25]]) if wanted and text and self.attention else None
        return Translation(text, -0.5, shown)


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project, as far as translating needs one; the current folder is one in it."""
    root = tmp_path / "project"
    (root / ".dvc").mkdir(parents=True)
    (root / "docs").mkdir()
    (root / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(Translator, "load", lambda *_: Echo())
    monkeypatch.setattr("seqlab.commands.translate.command.dvc_status", lambda _: {})
    monkeypatch.chdir(root / "docs")
    return root


def run(*arguments: str, given: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["translate", *arguments], input=given)


def test_only_what_it_takes_is_imported() -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", TRANSLATING]
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == "1 []\n"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--length-penalty", "nan", "evaluate.length_penalty: input should be a finite number, not nan"),
        ("--beam-size", str(10**20), "evaluate: beam_size is beyond 9,223,372,036,854,775,807"),
        ("--max-length", str(10**20), "evaluate: max_length is beyond 9,223,372,036,854,775,807"),
    ],
)
def test_options_have_the_bounds_of_the_parameters(project: Path, option: str, value: str, said: str) -> None:
    result = run(option, value, "a")
    assert result.exit_code == 1
    assert f"Error: with these options:\n  {said}" in result.stderr


def test_an_option_stands_beside_parameters_that_it_contradicts(project: Path) -> None:
    """Of params.yaml's five best no fewer hypotheses are asked for, but one."""
    text = (ROOT / "params.yaml").read_text("utf-8")
    wider = re.sub(r"\bn_best: \d+", "n_best: 5", re.sub(r"\bbeam_size: \d+", "beam_size: 5", text))
    (project / "params.yaml").write_text(wider, "utf-8")
    assert run("--beam-size", "2", "a").stdout == "a\n"


@pytest.mark.parametrize("name", ["in.txt", None])
def test_as_many_lines_out_as_in(name: str | None, project: Path) -> None:
    given = "\ufeffone\r\na\rb\n\nc\u2028d\x85e\v\f\n \nlast".encode()
    (project / "docs/in.txt").write_bytes(given)
    result = run("--input", name) if name else run(given=given)
    assert result.stdout_bytes.decode() == "one\na b\n\nc d e \n \nlast\n"
    assert result.exit_code == 0


def test_json_keeps_every_text_as_it_is(project: Path) -> None:
    texts = ["a\rb\n", "\ufeff\u2028", "\u2029\x85\x9b", ""]
    result = run("--json", given="".join(json.dumps(text) + "\n" for text in texts).encode())
    assert [json.loads(line)["translation"] for line in result.stdout.split("\n")[:-1]] == texts
    # Whatever takes what for a line end, and no terminal obeys it.
    assert len(result.stdout.splitlines()) == len(texts)
    assert "\x9b" not in result.stdout
    assert json.loads(run("--json", "a\nb").stdout) == {"source": "a\nb", "translation": "a\nb", "score": -0.5}


def test_a_file_is_written_whole_or_not_at_all(project: Path) -> None:
    here = project / "docs"
    (here / "target.txt").write_text("as it was", "utf-8")
    (here / "out.txt").symlink_to("target.txt")
    failed = run("--output", "out.txt", given=b"one\n" * 300 + b"\xff\n")
    assert failed.exit_code == 1
    assert "line 301" in failed.output
    assert (here / "target.txt").read_text("utf-8") == "as it was"
    assert run("--output", "out.txt", given="é\n".encode()).output == ""
    assert (here / "target.txt").read_bytes() == "é\n".encode()
    assert (here / "out.txt").is_symlink()
    assert sorted(path.name for path in here.iterdir()) == ["out.txt", "target.txt"]


def test_a_file_may_be_translated_into_itself(project: Path) -> None:
    (project / "docs/in.txt").write_bytes(b"a\rb\n")
    assert run("--input", "in.txt", "--output", "in.txt").exit_code == 0
    assert (project / "docs/in.txt").read_bytes() == b"a b\n"


@pytest.mark.parametrize("option", ["--output", "--attention"])
def test_a_device_is_not_replaced(project: Path, option: str) -> None:
    result = run(option, "/dev/null", "a")
    assert result.exit_code == 1
    assert "/dev/null is no file" in result.output
    assert not Path("/dev/null").is_file()


def test_an_attention_map_of_ones_own_sentence(project: Path) -> None:
    result = run("--attention", "map.html", HOSTILE, "")
    assert result.stdout == f"{HOSTILE}\n\n"
    page = (project / "docs/map.html").read_text("utf-8")
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2
    assert '<td style="--w:0.75">75</td><td style="--w:0.25">25</td>' in page
    assert page.count("<table") == 1
    assert "left out" not in page


def test_a_page_holds_so_many_maps(project: Path) -> None:
    result = run("--attention", "map.html", given=b"a\n" * (MOST_MAPS + 1500))
    assert result.stdout == "a\n" * (MOST_MAPS + 1500)
    page = (project / "docs/map.html").read_text("utf-8")
    assert page.count("<table") == MOST_MAPS
    assert "1,500 more texts left out" in page


def test_a_model_without_attention_has_no_map(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Translator, "load", lambda *_: Echo(attention=False))
    result = run("--attention", "map.html", "--output", "out.txt", "", "a")
    assert result.exit_code == 1
    assert "no attention" in result.output
    assert list((project / "docs").iterdir()) == []
    assert run("a").exit_code == 0


def test_a_stale_model_is_said_beside_the_translations(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.commands.translate.command.stale_note", lambda *_: "NOT CURRENT")
    result = run("a")
    assert (result.stdout, result.stderr) == ("a\n", "NOT CURRENT\n")
    # Other models are no results of this working copy.
    assert run("--checkpoint", ".", "a").stderr == ""

    def missing(*_: object) -> None:
        raise SeqlabError("no checkpoint")

    monkeypatch.setattr(Translator, "load", missing)
    result = run("a")
    # Of a model that is not there, nothing is stale.
    assert (result.stdout, result.stderr) == ("", "Error: no checkpoint\n")


def test_the_model_is_the_project_s_and_other_paths_are_from_here(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []

    def load(folder: Path, *_: object) -> Echo:
        loaded.append(folder)
        return Echo()

    monkeypatch.setattr(Translator, "load", load)
    run("a")
    run("--checkpoint", "mine", "a")
    assert loaded == [project / "models/best", Path("mine")]
