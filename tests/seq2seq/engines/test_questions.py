"""What a computation asks of the machine, its device, autocast or instruction set, it asks inside an engine."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENGINES = "src/seqlab/seq2seq/engines/"
EXEMPT = {
    # Sets PyTorch up, and records on what.
    "src/seqlab/numerics.py",
    # Says what there is to compute on.
    "src/seqlab/commands/doctor.py",
    # How many processes compute a training, and on which GPUs.
    "src/seqlab/training/processes/setting.py",
    "src/seqlab/training/processes/worker.py",
    # What the model's modules compute by hand on a CPU; the plain engine takes PyTorch's own operations instead.
    "src/seqlab/seq2seq/model/argmax.py",
    "src/seqlab/seq2seq/model/gru.py",
    "src/seqlab/seq2seq/model/linear.py",
    "src/seqlab/seq2seq/model/tanh.py",
}
ATTRIBUTES = {"is_cuda", "is_cpu", "autocast", "cuda", "backends", "mkldnn", "accelerator"}
PREFIXES = ("is_autocast", "get_autocast", "get_cpu_capability", "get_device_")


def questions(tree: ast.AST) -> Iterator[str]:
    """What a syntax tree asks."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (
            node.attr in ATTRIBUTES
            or node.attr.startswith(PREFIXES)
            or (node.attr == "type" and _is_device(node.value))
        ):
            yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Compare | ast.Match):
            asked = [node.left, *node.comparators] if isinstance(node, ast.Compare) else [node.subject]
            if any(map(_is_device, asked)):
                yield f"line {node.lineno}: {ast.unparse(node).splitlines()[0]}"


def _is_device(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "device") or (
        isinstance(node, ast.Name) and node.id == "device"
    )


def asking() -> dict[str, list[str]]:
    """The files below src/ and pipeline/, outside the engines, that ask; and what."""
    found = {}
    for path in sorted(path for folder in ("src", "pipeline") for path in (ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        asked = list(questions(ast.parse(path.read_text("utf-8"))))
        if asked and not name.startswith(ENGINES):
            found[name] = asked
    return found


def test_questions_about_the_machine_stay_inside_the_engines() -> None:
    found = asking()
    assert {name: asked for name, asked in found.items() if name not in EXEMPT} == {}
    assert found.keys() == EXEMPT, "an exception that asks no more"


@pytest.mark.parametrize(
    "code",
    [
        "if scores.device.type != 'cpu': pass",
        "fast = device == 'cuda'",
        "match params.device:\n    case 'cuda': pass",
        "torch.is_autocast_enabled('cpu')",
        "with torch.autocast('cpu'): pass",
        "torch.cuda.is_available()",
        "tensor.is_cuda",
        "torch.backends.cpu.get_cpu_capability()",
        "torch.ops.mkldnn._linear_pointwise(x)",
    ],
)
def test_what_is_planted_is_found(code: str) -> None:
    assert list(questions(ast.parse(code)))


@pytest.mark.parametrize("code", ["tensor.to(device)", "torch.ones(3, device=other.device)", "field.type is int"])
def test_what_only_follows_the_device_is_not(code: str) -> None:
    assert list(questions(ast.parse(code))) == []
