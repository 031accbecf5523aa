"""The README stays true: its table of parameters, its commands, its paths."""

import re
from pathlib import Path

from click.testing import CliRunner

from seqlab.cli import main
from seqlab.params.params import load_params
from seqlab.params.table import parameter_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = README + "".join(path.read_text("utf-8") for path in sorted(ROOT.glob("docs/*.md")))


def test_the_table_of_parameters_is_the_schema_s() -> None:
    assert parameter_table(load_params(ROOT / "params.yaml")) in README


def test_every_command_exists() -> None:
    commands = dict.fromkeys(re.findall(r"(?:`|\$ |\| )seqlab ([a-z]+)", PAGES), "")
    assert {"translate", "sync", "params", "runs"} <= commands.keys()
    for command in commands:
        result = CliRunner().invoke(main, [command, "--help"])
        assert result.exit_code == 0, command
        commands[command] = result.output
    for command, options in re.findall(r"seqlab ([a-z]+)([^`\n|]*)", PAGES):
        for option in re.findall(r"(?<= )--[a-z-]+", options):
            assert option in commands.get(command, option), f"{command} {option}"
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", README))
    assert {"run", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_that_it_links_to_exists() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("https://") or (ROOT / link).exists(), link


def test_every_parameter_that_it_names_exists() -> None:
    names = set(re.findall(r"^\| `([a-z_.0-9]+)` \|", parameter_table(load_params(ROOT / "params.yaml")), re.MULTILINE))
    for name in re.findall(r"-S '?([a-z_.0-9]+)=", README):
        assert name in names, name
