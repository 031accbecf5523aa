"""What a stranger's text can do to a terminal: nothing, whichever command shows it."""

import ast
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import regex
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.cli import main
from seqlab.core.errors import SeqlabError
from seqlab.evaluation.translation import Translation
from seqlab.evaluation.translator import Translator
from seqlab.system.terminal import one_line, plain, say

ROOT = Path(__file__).parents[2]
# Sets the title, fills the clipboard, clears the screen, hides what follows, reorders it; the last by C1 alone.
HOSTILE = "run\x1b]0;title\x07 \x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b[8m\u202e\r\x9b2J"
# As one line.
LINE = HOSTILE.replace("\r", " ")
SHOWN = r"run\x1b]0;title\x07 \x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b[8m\u202e\r\x9b2J"
# Command → arguments, and the function that does its work.
COMMANDS = {
    "sync": ([], "seqlab.tracking.publishing.sync.sync"),
    "compare": ([], "seqlab.commands.compare.compare.compare"),
    "why": ([], "seqlab.commands.why.question.explain"),
    "promote": (["run"], "seqlab.commands.promote.promote"),
    "verify": ([], "seqlab.commands.verify.verify.verify"),
    "sweep": ([], "seqlab.commands.sweep.command.run_sweep"),
    "search": ([], "seqlab.commands.search.command.run_search"),
    "ci": (["--base", "main"], "seqlab.commands.ci.command.integrate"),
    "runs": ([], "seqlab.commands.runs.list_runs"),
    "take": (["base"], "seqlab.commands.take.take"),
    "summary": ([], "seqlab.commands.summary.summarize"),
    "params": ([], "seqlab.commands.params.list_params"),
    "recipe": (["grid", "--seeds=1"], "seqlab.commands.recipe.run_sweep"),
    "ui": ([], "seqlab.commands.ui.show"),
    "doctor": ([], "seqlab.commands.doctor.diagnose"),
}
# Those whose answer is texts have tests of their own.
OTHERS = {"translate", "serve", "watch"}


class Answer(SimpleNamespace):
    reproduced, complete, problems = True, True, ()

    def __str__(self) -> str:
        return HOSTILE


def answer(name: str) -> Any:
    """A stand-in for the function that does a command's work, whose answer is hostile."""
    if name in ("sweep", "recipe", "search"):
        return lambda *_, say, **__: say(HOSTILE)
    if name == "ui":
        return lambda _root, say, _port: say(HOSTILE)
    return lambda *_, **__: Answer() if name in ("verify", "doctor", "sync") else HOSTILE


def refuse(*_: object, **__: object) -> None:
    raise SeqlabError(HOSTILE)


def test_no_command_is_left_out() -> None:
    assert set(main.commands) == {*COMMANDS, *OTHERS}


def test_each_command_has_a_module_named_as_it_is_typed() -> None:
    folder = ROOT / "src/seqlab/commands"
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert modules - {"__init__"} == set(main.commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_s_answer_and_its_error_are_plain(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, work = COMMANDS[name]
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("seqlab.commands.summary.dvc_status", lambda _: {})
    # A working copy in which a sync had nothing to do says so without another.
    monkeypatch.setattr("seqlab.commands.sync.same_as_last", lambda _: None)
    monkeypatch.setattr("seqlab.commands.ci.command.render_summary", str)
    monkeypatch.setattr("seqlab.commands.summary.invitation", lambda _: "")
    monkeypatch.setattr("seqlab.commands.ci.command._check", lambda *_, **__: None)
    monkeypatch.setattr(work, answer(name))
    result = CliRunner().invoke(main, [name, *arguments])
    assert result.exit_code in (0, None)
    assert result.output == f"{SHOWN}\n"
    monkeypatch.setattr(work, refuse)
    result = CliRunner().invoke(main, [name, *arguments])
    assert (result.exit_code, result.output) == (1, f"Error: {SHOWN}\n")


@pytest.mark.parametrize(("terminal", "expected"), [(True, plain(LINE)), (False, LINE)])
def test_a_translation_is_plain_on_a_terminal_and_whole_in_a_pipe(
    terminal: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SimpleNamespace(translate=lambda *_, **__: [[Translation(HOSTILE, 0.0)]])
    monkeypatch.setattr(Translator, "load", lambda *_: model)
    monkeypatch.setattr("seqlab.commands.translate.command.dvc_status", lambda _: {})
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: terminal)
    # In binary, as a universal newline would end the line.
    assert CliRunner().invoke(main, ["translate", "x"]).stdout_bytes == f"{expected}\n".encode()


def test_a_name_of_two_lines_is_one() -> None:
    assert one_line("x\nreproduced: y\r\x1b") == r"x\nreproduced: y\r\x1b"
    assert one_line(one_line("a\tb\n")) == "a\tb\\n"


def test_what_serve_says_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, ["serve", "--host", f"{HOSTILE}.invalid"])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: cannot listen on {SHOWN}.invalid:5050 (")


def printed(tree: ast.AST) -> Iterator[str]:
    """Calls that print, in a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in PRINTING:
            yield name


PRINTING = {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write", "tqdm.write", "console.print"}
# What is printed there is made plain there, as the tests above show of translations.
MAY_PRINT = {"terminal.py": {"click.echo"}, "output.py": {"click.echo"}, "progress.py": {"tqdm.write"}}
MAY_PRINT["display.py"] = {"console.print"}
# Before anything is installed, of nothing but this machine.
MAY_PRINT["prerequisites.py"] = {"print"}


def test_nothing_is_printed_but_by_say() -> None:
    found = {
        (path.name, name)
        for folder in ("src/seqlab", "pipeline")
        for path in (ROOT / folder).rglob("*.py")
        for name in printed(ast.parse(path.read_text("utf-8")))
    }
    assert found == {(file, name) for file, names in MAY_PRINT.items() for name in names}
    assert (ROOT / "src/seqlab/commands/translate/output.py").read_text("utf-8").count("click.echo(") == 1


def test_what_a_terminal_s_encoding_has_not_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="iso-8859-1"))
    say("garçon – 日本")
    assert written.getvalue() == b"gar\xe7on \\u2013 \\u65e5\\u672c\n"


@settings(deadline=None)
@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_is_plain(text: str) -> None:
    shown = plain(text)
    assert all(
        character in "\t\n" or not (ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0) for character in shown
    )
    shown.encode("utf-8")


def test_what_unicode_calls_ignorable_is_written_out() -> None:
    ignorable = regex.findall(r"\p{Default_Ignorable_Code_Point}", "".join(map(chr, range(sys.maxunicode + 1))))
    kept = {each for each in ignorable if plain(each) == each}
    assert kept == {*"\u180b\u180c\u180d\u180f\u200c\u200d", *map(chr, range(0xFE00, 0xFE10))}


def test_spelling_is_kept() -> None:
    for text in ("❤️", "Le garçon n’a pas 3 × 4 œufs\t– « oui » !\n", "می‌خواهم", "👩‍👩‍👧", "日本語"):
        assert plain(text) == text


@pytest.mark.parametrize(
    ("closed", "status", "said"),
    [
        (">&-", 1, "Error: cannot write to standard output: Bad file descriptor\n"),
        ("2>&-", 0, "shown\n"),
        (">&- 2>&-", 1, ""),
    ],
)
def test_no_file_gets_the_place_of_an_output_that_is_closed(
    tmp_path: Path, closed: str, status: int, said: str
) -> None:
    program = (
        "import os, click\n"
        "from seqlab.command_line import errors_for_people\n"
        "from seqlab.system.terminal import say\n"
        "@click.command()\n"
        "@errors_for_people\n"
        "def main():\n"
        "    with open('file', 'w') as file:\n"
        "        assert file.fileno() > 2\n"
        "        os.system('(echo noise; echo noise >&2) 2> /dev/null')\n"
        "    say('unheard', err=True)\n"
        "    say('shown')\n"
        "main()\n"
    )
    command = ["/bin/sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, program]
    ran = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, (tmp_path / "file").read_text("utf-8")) == (status, "")
    assert (ran.stdout + ran.stderr).replace("noise\n", "").replace("unheard\n", "") == said
