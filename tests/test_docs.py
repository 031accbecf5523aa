"""Pages stay true: what README, CONTRIBUTING and docs/ link to and name is there."""

import fnmatch
import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from ruamel.yaml import YAML

from seqlab.cli import main
from seqlab.commands.search.objective import OBJECTIVES
from seqlab.commands.search.space import parse_space
from seqlab.commands.sweep.members import make_members
from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params
from seqlab.params.table import parameter_table
from seqlab.system.git import tracked_files, untracked_files

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
# CHANGELOG also names what is gone, and the logs of benchmarks what there was on their day.
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted(DOCS.glob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("data", "data/own", "models", "reports")),
    *sorted((ROOT / ".github").rglob("*.md")),
]
TABLE = parameter_table(load_params(ROOT / "params.yaml"))
PARAMETERS = set(re.findall(r"^\| `([a-z_.0-9]+)` \|", TABLE, re.MULTILINE))
# What a page may leave out of a path.
BEGINNINGS = ("", "src/seqlab/", "src/seqlab/seq2seq/", "tests/", "docs/", "data/", "models/", "reports/")
# Written by a command or by people, and no stage's output.
WRITTEN = {
    *("reports/comparison.html", "map.html", "recipe.json", "ledger.json", "model.safetensors", "config.json"),
    *(".dvc/config.local", ".dvc/tmp", ".checkpoints", ".checkpoints/ended", "deploy/.env"),
    *(".seqlab", ".seqlab/downloads", ".seqlab/slurm", ".seqlab/slurm/kept"),
}
# Of git, MLflow and DVC.
OPTIONS = {"--force", "--end-of-options", "--env-manager", "--temp"}


class Page(NamedTuple):
    """What a page says: its anchors, its links and pictures, its code spans, and what it types into a console."""

    anchors: set[str]
    links: list[str]
    spans: list[str]
    typed: list[str]

    def commands(self) -> Iterator[list[str]]:
        """The words of each command, in spans and after prompts; those of a pipe one by one."""
        for text in [*self.spans, *self.typed]:
            for part in re.split(r" (?:\||&&) ", text):
                try:
                    yield shlex.split(part, comments=True)
                except ValueError:  # a quotation mark of something else
                    continue


@cache
def read(path: Path) -> Page:
    """The page, as a Markdown parser understands it."""
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text("utf-8"))
    inline = [child for token in tokens for child in token.children or []]
    consoles = [token.content.replace("\\\n", " ") for token in tokens if token.info == "console"]
    return Page(
        anchors={anchor(after) for token, after in pairwise(tokens) if token.type == "heading_open"},
        links=[str(child.attrs.get("href") or child.attrs.get("src")) for child in inline if child.attrs],
        spans=[child.content for child in inline if child.type == "code_inline"],
        typed=[line[2:] for console in consoles for line in console.splitlines() if line.startswith("$ ")],
    )


def anchor(heading: Token) -> str:
    """The name that GitHub gives a heading: small letters, no punctuation, hyphens for spaces."""
    text = "".join(child.content for child in heading.children or [])
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def commands(program: str) -> list[tuple[str, list[str]]]:
    """Page and words of every command of this program, on all pages."""
    return [(where(page), words) for page in PAGES for words in read(page).commands() if words[:1] == [program]]


def spans(pattern: str) -> list[tuple[str, str]]:
    """Page and code span of all that match, on all pages."""
    return [(where(page), span) for page in PAGES for span in read(page).spans if re.fullmatch(pattern, span)]


def where(page: Path) -> str:
    """The page, as tests show it."""
    return str(page.relative_to(ROOT))


def test_the_table_of_parameters_is_the_schema_s() -> None:
    """To make it anew, put below the page's first lines what `seqlab params` prints."""
    assert (DOCS / "parameters.md").read_text("utf-8").endswith(f"\n\n{TABLE}\n")


def test_links_lead_somewhere() -> None:
    links = [(page, link) for page in PAGES for link in read(page).links if not link.startswith("https://")]
    assert len(links) > 80
    assert [(where(page), link) for page, link in links if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a relative link, perhaps with an anchor, leads to what is there."""
    path, _, name = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not name or name in read(target).anchors)


def test_pages_that_code_and_plain_text_name_are_there() -> None:
    code = [path for folder in ("src", "pipeline", "tools", "tests") for path in (ROOT / folder).rglob("*.py")]
    files = [*PAGES, *code, ROOT / "CHANGELOG.md", ROOT / "deploy/compose.yaml"]
    named = [
        (where(path), name) for path in files for name in re.findall(r"\bdocs/[\w-]+\.md", path.read_text("utf-8"))
    ]
    assert {"src/seqlab/numerics.py", "deploy/compose.yaml", "data/own/README.md"} <= {path for path, _ in named}
    assert [(path, name) for path, name in named if not (ROOT / name).is_file()] == []


def test_the_index_has_every_page_and_the_first_page_leads_to_it() -> None:
    listed = {(DOCS / link).resolve() for link in read(INDEX).links}
    assert {*DOCS.glob("*.md"), ROOT / "CONTRIBUTING.md"} - {INDEX} <= listed
    assert "docs/README.md" in read(ROOT / "README.md").links


def test_the_layers_of_the_architecture_are_all_packages() -> None:
    modules = {path.stem for path in (ROOT / "src/seqlab").iterdir() if not path.name.startswith(("_", "py."))}
    assert modules <= {span.partition(".")[0] for span in read(DOCS / "architecture.md").spans}


def test_commands_of_seqlab_exist_with_their_options() -> None:
    typed = [(page, words) for page, words in commands("seqlab") if words[1:] and re.match("[a-z]", words[1])]
    assert {words[1] for page, words in typed if page == "docs/command-line.md"} == set(main.commands)
    unknown = [(page, words) for page, words in typed if words[1] not in main.commands]
    assert unknown == []
    assert [(page, words) for page, words in typed if not options(words) <= known_options(words[1])] == []


def test_options_by_themselves_are_some_command_s() -> None:
    known = OPTIONS.union(*map(known_options, main.commands))
    named = [(page, span) for page, span in spans("--[a-z].*") if not options([span.split()[0]]) <= known]
    assert named == []


def options(words: list[str]) -> set[str]:
    """The options among the words of a command."""
    return {word.partition("=")[0] for word in words if re.match("--?[a-zA-Z]", word)}


def known_options(command: str) -> set[str]:
    """Those that a command of seqlab takes."""
    return {"--help"}.union(*(parameter.opts for parameter in main.commands[command].params))


def test_targets_of_make_and_their_recipes_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    asked = [(page, word) for page, words in commands("make") for word in words[1:]]
    assert {"run", "test", "NAME=grid"} <= {word for _, word in asked}
    assert [(page, word) for page, word in asked if "=" not in word and word not in targets] == []
    recipes = [(page, word.removeprefix("NAME=")) for page, word in asked if word.startswith("NAME=")]
    recipes += spans(r"(multi30k|tatoeba|dialogsum|scan)(-[a-z]+)+")
    assert [(page, name) for page, name in recipes if not (ROOT / f"recipes/{name}.txt").is_file()] == []


def test_programs_of_python_exist() -> None:
    started = [(page, words[1:]) for page, words in commands("python")]
    modules = [(page, words[1]) for page, words in started if words[0] == "-m"]
    assert {"benchmarks.sweep", "tests.fuzz.loaders"} <= {name for _, name in modules}
    assert [(page, name) for page, name in modules if find_spec(name) is None] == []
    assert [(page, words) for page, words in started if words[0] != "-m" and not (ROOT / words[0]).is_file()] == []


def test_parameters_that_are_named_exist() -> None:
    named = spans(r"(runtime|corpus|tokenizer|model|train|evaluate|report)(\.[a-z_0-9]+)+([:=].*)?")
    named = [(page, re.split("[:=]", span)[0]) for page, span in named if not is_path(span)]
    assert len(named) > 100
    sections = {name.rpartition(".")[0] for name in PARAMETERS}
    assert [(page, name) for page, name in named if name not in PARAMETERS | sections] == []


def test_parameters_that_are_set_are_taken() -> None:
    every = [(page, words) for program in ("dvc", "seqlab", "-S") for page, words in commands(program)]
    grids = [(page, [value for option, value in pairwise(words) if option == "-S"]) for page, words in every]
    grids = [(page, [value for value in values if "=" in value]) for page, values in grids]
    assert ("docs/how-to.md", ["train.teacher_forcing_ratio=0.5"]) in grids
    searches = [values for (_, words), (_, values) in zip(every, grids, strict=True) if words[1:2] == ["search"]]
    assert searches
    refused = {tuple(values): refusal(values, is_space=values in searches) for _, values in grids if values}
    assert [(page, values, refused[tuple(values)]) for page, values in grids if refused.get(tuple(values))] == []


def refusal(settings: list[str], *, is_space: bool = False) -> str:
    """Why a grid, or the space of a search, is refused; "" if it is not."""
    if "evaluate.parameters=" in str(settings) and "train.keep_checkpoints" not in str(settings):
        # The text has said before how many epochs are kept.
        settings = [*settings, "train.keep_checkpoints=5"]
    try:
        if is_space:
            parse_space(ROOT, settings, OBJECTIVES["bleu"])
        else:
            make_members(ROOT, settings)
    except SeqlabError as error:
        return str(error)
    return ""


def test_files_that_are_named_are_there() -> None:
    named = [(page, span) for page, span in spans(r"[\w.*{},/-]+") if is_path(span)]
    assert len(named) > 100
    assert [(page, span) for page, span in named if not is_there(span)] == []


def is_path(span: str) -> bool:
    """Whether a code span looks like a path: a file of a kind that is here, or what is below a folder that is here."""
    kinds = r"[\w*}]\.(py|md|toml|ya?ml|txt|json|jsonl|csv|html|safetensors|png)"
    first, slash, _ = span.partition("/")
    return bool(re.search(f"{kinds}$", span) or (slash and first in WRITTEN | kept()))


def is_there(span: str) -> bool:
    """Whether the repository has it, or a stage or a command writes it."""
    names = [span.rstrip("/")]
    while braces := re.search(r"\{([^{}]*)\}", names[0]):
        names = [name.replace(braces[0], one) for name in names for one in braces[1].split(",")]
    return all(name in WRITTEN or any(_is_there(beginning + name) for beginning in BEGINNINGS) for name in names)


def _is_there(path: str) -> bool:
    above = {str(folder) for output in outputs() for folder in Path(output).parents}
    inside = {path, *map(str, Path(path).parents)} & outputs()
    return bool(inside or fnmatch.filter(outputs() | above | kept(), path))


@cache
def kept() -> set[str]:
    """What git keeps or would keep, and the folders above: the same in a fresh clone as where everything has run."""
    listed = tracked_files(ROOT, ["."]) + untracked_files(ROOT, ["."])
    return {str(path) for name in listed for path in [Path(name), *Path(name).parents]}


@cache
def outputs() -> set[str]:
    """What the stages write."""
    stages = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"].values()
    return {output for stage in stages for output in [*stage["outs"], *stage.get("metrics", [])]}


def test_modules_tests_and_variables_that_are_named_exist() -> None:
    modules = spans(r"seqlab(\.\w+)+")
    assert [(page, name) for page, name in modules if find_spec(name) is None] == []
    tests = [(page, *name.split("::")) for page, name in spans(r"tests/[\w/]+\.py::test_\w+")]
    assert [each for each in tests if f"def {each[2]}(" not in (ROOT / each[1]).read_text("utf-8")] == []
    sources = "".join(path.read_text("utf-8") for path in ROOT.glob("src/seqlab/**/*.py"))
    variables = [(page, name) for page, span in spans(".*") for name in re.findall(r"(?<!_)SEQLAB_[A-Z_]+", span)]
    assert {"SEQLAB_PUBLISHER", "SEQLAB_CORPUS_MIRROR"} <= {name for _, name in variables}
    assert [(page, name) for page, name in variables if f'"{name}"' not in sources] == []
