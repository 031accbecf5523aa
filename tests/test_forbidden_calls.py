"""Nothing that a file says is ever run: no pickle, no eval, no unsafe YAML, no shell.

Ruff's rules (S) find the plain cases; what they do not know is looked for in the syntax trees of src/ and pipeline/.
"""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Modules whose readers run code, or hand it to a shell.
MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "code", "pty", "yaml"}
NAMES = {"eval", "exec", "compile", "__import__", "breakpoint"}
# Wherever they come from: torch.load, torch.jit.load, np.load, pandas.read_pickle, os.system …
CALLS = {
    *("torch.load", "torch.jit.load", "torch.hub.load", "torch.save", "numpy.load", "numpy.save", "numpy.savez"),
    *("pandas.read_pickle", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("mlflow.pytorch.load_model", "mlflow.pytorch.log_model", "mlflow.sklearn.load_model"),
}
CALLED = {"to_pickle", "read_pickle", "unsafe_load", "full_load", "unsafe_load_all", "full_load_all"}
SAFE_YAML = "safe"


def found(tree: ast.AST) -> Iterator[str]:
    """What a syntax tree may not hold, in words."""
    aliases = dict(_aliases(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(node)
        elif isinstance(node, ast.Call):
            name = _dotted(node.func, aliases)
            if name in NAMES | CALLS or name.rpartition(".")[2] in CALLED:
                yield name
            yield from _options(node, name)


def _aliases(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    yield from (f"import {name}" for name in names if name.split(".")[0] in MODULES)


def _dotted(node: ast.expr, aliases: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, aliases)}.{node.attr}"
    return aliases.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def _options(node: ast.Call, name: str) -> Iterator[str]:
    options = {option.arg: option.value for option in node.keywords}
    for option in ("shell", "allow_pickle"):
        if option in options and not _is(options[option], False):
            yield f"{name}({option}=…)"
    # A PythonModel object is cloudpickled; the path of its source is not.
    if name.endswith(("pyfunc.save_model", "pyfunc.log_model")) and not _is_text(options.get("python_model")):
        yield f"{name}(python_model=…) of an object"
    if name.rpartition(".")[2] == "YAML" and "typ" in options and not _is(options["typ"], SAFE_YAML):
        yield "YAML(typ=…) that is not safe"


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def _is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str"


def _sources() -> list[Path]:
    return sorted(path for folder in ("src", "pipeline") for path in (ROOT / folder).rglob("*.py"))


def test_no_code_is_run_that_a_file_brings() -> None:
    assert len(_sources()) > 100
    trees = ((path, ast.parse(path.read_text("utf-8"), str(path))) for path in _sources())
    assert [f"{path.relative_to(ROOT)}: {what}" for path, tree in trees for what in found(tree)] == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "import shelve, json",
        "def f():\n    import dill as d",
        "eval('1')",
        "exec(text)",
        "import torch\ntorch.load(path)",
        "from torch import load\nload(path, weights_only=True)",
        "import numpy as np\nnp.load(path)",
        "import numpy as np\nnp.lib.format.open_memmap(path, allow_pickle=True)",
        "import pandas as pd\npd.read_pickle(path)",
        "frame.to_pickle(path)",
        "import os\nos.system('true')",
        "from os import popen as p\np('true')",
        "import subprocess\nsubprocess.run('true', shell=True)",
        "import subprocess\nsubprocess.run('true', shell=flag)",
        "from ruamel.yaml import YAML\nYAML(typ='unsafe')",
        "import yaml",
        "import mlflow.pyfunc\nmlflow.pyfunc.save_model(path, python_model=model)",
    ],
)
def test_what_is_planted_is_found(code: str) -> None:
    assert list(found(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "import json\njson.load(file)",
        "model.eval()",
        "import re\nre.compile(text)",
        "import subprocess\nsubprocess.run(['true'], shell=False)",
        "from ruamel.yaml import YAML\nYAML(typ='safe', pure=True)",
        "import mlflow.pyfunc\nmlflow.pyfunc.save_model(path, python_model=str(path))",
        "import ast\nast.literal_eval(text)",
    ],
)
def test_what_is_harmless_is_not(code: str) -> None:
    assert list(found(ast.parse(code))) == []


PLANTED = {
    "S102": "exec(input())",
    "S301": "import pickle\n\npickle.loads(b'')",
    "S302": "import marshal\n\nmarshal.loads(b'')",
    "S307": "eval(input())",
    "S506": "import yaml\n\nyaml.load('', Loader=yaml.Loader)",
    "S602": "import subprocess\n\nsubprocess.run(input(), shell=True)",
    "S605": "import os\n\nos.system(input())",
}


def test_the_linter_finds_them_too(tmp_path: Path) -> None:
    """`make lint` and continuous integration run ruff with this configuration, which must go on holding these rules."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        pytest.skip("no ruff beside the interpreter: install the packages of requirements.txt")
    (tmp_path / "src").mkdir()
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    for rule, code in PLANTED.items():
        (tmp_path / f"src/{rule}.py").write_text(f'"""Planted."""\n\n{code}\n', "utf-8")
    command = [ruff, "check", "--no-cache", "--output-format", "concise", "src"]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    reported = {line.partition(":")[0] for line in output.splitlines() for rule in PLANTED if f" {rule} " in line}
    missed = [rule for rule in PLANTED if f"src/{rule}.py" not in reported]
    assert missed == [], output
