"""The command line: defaults, inputs, and messages instead of tracebacks."""

import errno
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from seqlab.cli import main
from seqlab.commands import promote as promote_module
from seqlab.evaluation.translation import Translation
from seqlab.evaluation.translator import Translator
from seqlab.seq2seq.engines.engine import Engine

ROOT = Path(__file__).parents[1]


class Reverser:
    """Stands in for a model: reverses each text, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], dict[str, Any]]] = []

    def translate(self, texts: Sequence[str], **options: Any) -> list[list[Translation]]:
        self.calls.append((list(texts), options))
        return [[Translation(text[::-1], -float(rank)) for rank in range(options["n_best"])] for text in texts]


@pytest.fixture
def reverser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reverser:
    made = Reverser()
    monkeypatch.setattr(Translator, "load", lambda *_: made)
    monkeypatch.setattr("seqlab.commands.translate.command.dvc_status", lambda _: {})
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return made


def run(*arguments: str, text: str | bytes = "") -> Result:
    return CliRunner().invoke(main, arguments, input=text)


def test_each_argument_is_a_text(reverser: Reverser) -> None:
    assert run("translate", "abc", "d e").output == "cba\ne d\n"


def test_each_line_of_standard_input_is_a_text(reverser: Reverser) -> None:
    result = run("translate", text="abc\n\nd\u2028e\nno newline")
    assert result.output == "cba\n\ne d\nenilwen on\n"


def test_the_defaults_are_those_of_evaluate(reverser: Reverser) -> None:
    text = Path("params.yaml").read_text("utf-8")
    Path("params.yaml").write_text(text.replace("beam_size: 1", "beam_size: 7"), "utf-8")
    run("translate", "abc")
    run("translate", "--beam-size", "3", "--length-penalty", "0", "--max-length", "9", "abc")
    (_, defaults), (_, chosen) = reverser.calls
    assert (defaults["beam_size"], defaults["length_penalty"], defaults["max_length"]) == (7, 1.0, 100)
    assert (chosen["beam_size"], chosen["length_penalty"], chosen["max_length"]) == (3, 0.0, 9)


def test_whose_parameters_translate(reverser: Reverser, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(_folder: Path, _device: str, parameters: str, _others: Sequence[Path], _engine: Engine) -> Reverser:
        loaded.append(parameters)
        return reverser

    monkeypatch.setattr(Translator, "load", load)
    text = Path("params.yaml").read_text("utf-8")
    changed = text.replace("parameters: best", "parameters: average").replace(
        "keep_checkpoints: 1", "keep_checkpoints: 2"
    )
    Path("params.yaml").write_text(changed, "utf-8")
    run("translate", "abc")
    run("translate", "--parameters", "ensemble", "abc")
    assert loaded == ["average", "ensemble"]
    assert run("translate", "--parameters", "mean", "abc").exit_code == 2


def test_n_best_shows_scores(reverser: Reverser) -> None:
    assert run("translate", "--beam-size", "2", "--n-best", "2", "ab").output == "-0.0000\tba\n-1.0000\tba\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["translate", "--n-best", "4", "a"], "--beam-size 4"),
        (["translate", "--beam-size", "0", "a"], "--beam-size"),
        (["translate", "--checkpoint", "x", "--run", "y", "a"], "exclude each other"),
        (["translate", "--input", "params.yaml", "a"], "exclude each other"),
        (["translate", "--input", "nowhere"], "does not exist"),
        (["search", "-S", "seed=1..2", "--seeds", "1001"], "--seeds"),
        # Before anything is computed.
        (["search", "-S", "seed=1..2", "--output", "params.yaml"], "is a file"),
        (["compare", "--output", "params.yaml"], "is a file"),
        (["ci", "--base", "HEAD", "--output", ".dvc"], "is a directory"),
    ],
)
def test_wrong_options(reverser: Reverser, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["translate", "--run", ""],
            ["serve", ""],
            ["compare", "a", ""],
            ["why", " "],
            ["promote", ""],
            ["verify", ""],
        ),
        *(
            ["recipe", ""],
            ["recipe", "grid", "--seeds", ""],
            ["ci", "--base", ""],
            ["ci", "--base", "a", "--remote", ""],
        ),
    ],
)
def test_an_empty_name_is_not_taken_for_none(reverser: Reverser, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "it is empty; is a variable not set?" in result.output
    assert not reverser.calls


def test_standard_input_that_is_closed(reverser: Reverser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.commands.translate.command.sys", SimpleNamespace(stdin=None))
    result = run("translate")
    assert (result.exit_code, result.output) == (1, "Error: standard input is closed: give texts, or --input FILE\n")


@pytest.mark.parametrize("arguments", [["params"], ["translate", "abc"]])
def test_standard_output_without_room_is_one_message(
    reverser: Reverser, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def echo(_message: object, **_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("seqlab.system.terminal.click", SimpleNamespace(echo=echo))
    monkeypatch.setattr("seqlab.commands.translate.output.click", SimpleNamespace(echo=echo))
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.output == "Error: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "mlflow.db.lock"), "mlflow.db.lock: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("what a library says"), "what a library says"),
    ],
)
def test_what_a_disk_refuses_is_one_message(
    reverser: Reverser, error: OSError, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("seqlab.commands.compare.compare.compare", fail)
    result = run("compare")
    assert (result.exit_code, result.output) == (1, f"Error: {message}\n")


def test_a_device_is_no_file_for_a_comparison(reverser: Reverser) -> None:
    # Before the pipeline runs.
    result = run("ci", "--base", "HEAD", "--output", "/dev/null")
    assert (result.exit_code, result.output) == (
        1,
        "Error: /dev/null is no file: give one, or none for standard output\n",
    )
    assert not Path("/dev/null").is_file()


def test_standard_output_that_is_closed_is_no_error_to_tell(
    reverser: Reverser, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As after `seqlab compare | head`.
    def fail(*_: object, **__: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("seqlab.commands.compare.compare.compare", fail)
    result = run("compare")
    assert (result.exit_code, result.output) == (1, "")


def test_standard_input_that_is_not_utf_8(reverser: Reverser) -> None:
    result = run("translate", text=b"abc\n\xff\n")
    assert result.exit_code == 1
    assert "not valid UTF-8" in result.output


def test_a_missing_checkpoint_is_one_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    result = run("translate", "--checkpoint", "nowhere", "abc")
    assert result.exit_code == 1
    assert "Error: " in result.output
    assert "nowhere" in result.output
    assert "Traceback" not in result.output


def test_commands_outside_a_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("translate", "params", "summary", "runs", "compare"):
        result = run(command)
        assert result.exit_code == 1
        assert "Error: " in result.output


@pytest.mark.parametrize("command", ["params", "sync"])
def test_a_publisher_that_is_neither_on_nor_off_is_refused_before_a_stage_does(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SEQLAB_PUBLISHER", "maybe")
    result = CliRunner().invoke(main, [command])
    assert (result.exit_code, "SEQLAB_PUBLISHER=maybe: write on (the default) or off" in result.output) == (1, True)


def test_params_prints_the_table(reverser: Reverser) -> None:
    assert "| `train.teacher_forcing_ratio` | `1.0` |" in run("params").output


def test_the_list_of_commands_has_whole_sentences() -> None:
    lines = run("--help").output.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in lines] == sorted(main.commands)
    for line in lines:
        assert re.fullmatch(r"  [a-z]+ +[A-Z][^.]*[^.][.?]", line), line


def test_a_shell_completes_commands_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    def completed(words: str) -> str:
        environment = {"COMP_WORDS": f"seqlab {words}", "COMP_CWORD": str(len(words.split()))}
        result = CliRunner().invoke(
            main, env=environment | {"_SEQLAB_COMPLETE": "bash_complete"}, prog_name="seqlab", args=[]
        )
        return result.output

    assert completed("tra") == "plain,translate\n"
    assert completed("translate --inp") == "plain,--input\n"


def test_the_summary_is_the_projects_from_any_folder_and_says_what_is_stale(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "docs").mkdir()
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path / "docs")
    monkeypatch.setattr("seqlab.commands.summary.summarize", lambda reports, _view: f"scores of {reports}")
    notes = iter([None, "NOT CURRENT"])
    monkeypatch.setattr("seqlab.commands.summary.stale_note", lambda *_: next(notes))
    current = run("summary").output
    assert current.startswith(f"scores of {tmp_path}/reports\n\nTry      dvc exp run -S model.attention=none ")
    assert run("summary").output == f"scores of {tmp_path}/reports\n\nNOT CURRENT\n"


@pytest.mark.parametrize(
    ("arguments", "text", "agreed"),
    [((), "", False), ((), "n\n", False), ((), "y\n", True), (("--yes",), "", True)],
)
def test_promote_asks_and_scripts_say_yes(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], text: str, agreed: bool
) -> None:
    def promote(_: Path, run: str, agree: Callable[[str], bool]) -> str:
        return f"{run}: {agree('It is worse.')}"

    monkeypatch.setattr(promote_module, "promote", promote)
    result = run("promote", "tf1", *arguments, text=text)
    assert (result.exit_code, result.output.splitlines()[-1][-len(f"tf1: {agreed}") :]) == (0, f"tf1: {agreed}")
    assert ("It is worse. Promote it?" in result.output) == (not arguments)
