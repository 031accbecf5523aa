"""YAML from outside: plain values or a SeqlabError, in bounded time and memory."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode

from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params, parse_params
from seqlab.params.yaml import LONGEST_FILE, MOST_LEVELS, MOST_NODES, parse_yaml, read_yaml
from seqlab.tracking.fingerprint.pipeline import load_stage, locked_digests
from seqlab.tracking.fingerprint.versions import load_versions

ROOT = Path(__file__).parents[2]


def laughs(levels: int) -> str:
    """A billion laughs: each list holds the one before it nine times."""
    lines = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, levels + 1)]
    return "\n".join(["l0: &l0 lol", *lines]) + "\n"


def merges(levels: int) -> str:
    """The same with merge keys, which are written out while the file is read."""
    lines = [f"l{n}: &l{n} {{<<: [{', '.join([f'*l{n - 1}'] * 9)}]}}" for n in range(1, levels + 1)]
    return "\n".join(["l0: &l0 {lol: 1}", *lines]) + "\n"


BOMBS = {
    "lists": (laughs(30) + "train: *l30\n", "anchors make more than"),
    "merge keys": (merges(30) + "train: *l30\n", "anchors make more than"),
    "keys": ("? &a [1, 2]\n: *a\n" + laughs(30).replace("l0: &l0 lol", "l0: &l0 [lol]"), "anchors make more than"),
    "itself": ("a: &a [*a]", "contains itself"),
    "itself merged": ("a: &a {<<: *a}", "contains itself"),
    "length": ("a: " + "x" * LONGEST_FILE, "is longer than"),
    "a list": ("seed: [" + "1," * 300_000 + "1]", "more than 10000 values"),
    "a block": ("seed:\n" + "  - a\n" * 150_000, "more than 10000 values"),
    "a mapping": ("seed: {" + ",".join(f"a{i}: 1" for i in range(80_000)) + "}", "more than 10000 values"),
    "depth": ("[" * 100_000, "is not valid YAML"),
    "digits": ("seed: " + "9" * 5000, "more than 100 digits"),
    "hexadecimal digits": ("seed: 0x" + "f" * 5000, "more than 100 digits"),
    "a date": ("seed: 2001-99-99", "is not valid YAML"),
    "a tag": ("seed: !!python/object/apply:os.system ['true']", "is not valid YAML"),
    "a number's tag": ("seed: !!float x", "is not valid YAML"),
    "bytes": ("seed: !!binary x", "is not valid YAML"),
    "NUL": ("seed: \0", "is not valid YAML"),
    "a long key twice": (f"{'x' * 500}: {'y' * 5000}\n" * 2, "is not valid YAML"),
}


@pytest.mark.parametrize("readers", [load_params, read_yaml])
@pytest.mark.parametrize(("text", "message"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused(text: str, message: str, readers: Any, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(SeqlabError, match=message) as refused:
        readers(path)
    assert len(str(refused.value)) < 2000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", 'x is not valid YAML: line 2: found duplicate key "a" with value "2" (original value: "1")'
         ", while constructing a mapping that begins in line 1"),
        ("seed: 1\ntrain: [1,\n", "x is not valid YAML: line 3: expected the node content, but found '<stream end>'"
         ", while parsing a flow node that begins in line 3"),
        ("a: *b", "x is not valid YAML: line 1: found undefined alias 'b'"),
        ("a: 1\n<<<<<<< HEAD\nseed: 1\n=======\nseed: 2\n>>>>>>> other\n",
         "x: line 2 begins a conflict that git could not merge; leave one of its sides, and no marks"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line_with_its_line(text: str, said: str) -> None:
    for content in (text, text.encode()):
        with pytest.raises(SeqlabError) as refused:
            parse_yaml(content, "x")
        assert str(refused.value) == said


def test_marks_of_a_conflict_in_a_text_are_none() -> None:
    text = "note: |\n  x\n  <<<<<<< HEAD\n"
    assert parse_yaml(text, "x") == {"note": "x\n<<<<<<< HEAD\n"}


def test_a_bomb_in_dvc_yaml_or_dvc_lock_is_refused(tmp_path: Path) -> None:
    for name in ("dvc.yaml", "dvc.lock"):
        (tmp_path / name).write_text(laughs(30) + "stages: *l30\n", "utf-8")
    with pytest.raises(SeqlabError, match="anchors"):
        load_stage(tmp_path, "train")
    with pytest.raises(SeqlabError, match=r"dvc\.lock"):
        locked_digests(tmp_path)


@pytest.mark.parametrize("deps", ["[{}]", "[{1: {}}]", "[1]", "[null]", "[[]]", "1"])
def test_a_stage_whose_deps_are_no_paths_is_refused(deps: str, tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(f"stages: {{train: {{deps: {deps}}}}}", "utf-8")
    with pytest.raises(SeqlabError, match="no stage train with deps and outs"):
        load_stage(tmp_path, "train")


@pytest.mark.parametrize("text", ["train = 5", "[[train]]", "[train]\ntorch = 2", "[train", "x = " + "[" * 5000])
def test_versions_that_are_no_table_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "versions.toml").write_text(text, "utf-8")
    with pytest.raises(SeqlabError, match="cannot read the versions of stage train"):
        load_versions(tmp_path, "train")


def test_a_list_of_a_megabyte_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    count = ScalarNode.__init__

    def counted(self: ScalarNode, *args: Any, **kwargs: Any) -> None:
        made.append(None)
        count(self, *args, **kwargs)

    monkeypatch.setattr(ScalarNode, "__init__", counted)
    with pytest.raises(SeqlabError, match="more than 10000 values"):
        parse_yaml("seed: [" + "1," * 500_000 + "1]", "x")
    assert len(made) <= MOST_NODES


def test_anchors_of_ordinary_size_are_allowed() -> None:
    text = "base: &base {a: 1, b: [1, 2]}\nother: {<<: *base, a: 2}\nsame: *base\n"
    value = {"a": 1, "b": [1, 2]}
    assert parse_yaml(text, "x") == {"base": value, "other": value | {"a": 2}, "same": value}


def test_whoever_reads_it_may_change_it() -> None:
    parse_yaml("a: {b: [1]}", "a.yaml")["a"]["b"].append(2)
    assert parse_yaml("a: {b: [1]}", "b.yaml") == {"a": {"b": [1]}}


def test_it_is_yaml_1_2() -> None:
    assert parse_yaml("[1e-05, yes, 0o17, 1_000, null, ~, 'é\u2028']", "x")[:3] == [1e-05, "yes", 15]
    assert parse_yaml("", "x") is None
    assert parse_yaml("# nothing", "x") is None


# Characters that need no escape: JSON and YAML escape the others differently.
TEXT = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]) | st.sampled_from("\n\t"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), FLOATS, TEXT)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


def dumped(value: Any) -> str:
    """As JSON, which is YAML."""
    return json.dumps(value, ensure_ascii=False)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


@settings(deadline=None)
@given(VALUES)
def test_any_value_comes_back(value: Any) -> None:
    assert same(value, parse_yaml(dumped(value), "x"))


@settings(deadline=None)
@given(st.text() | st.binary())
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with suppress(SeqlabError):
        parse_yaml(text, "x")


PARAMS = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")


def places(content: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in content.items():
        found.append((*above, key))
        if isinstance(value, dict):
            found += places(value, (*above, key))
    return found


@settings(deadline=None)
@given(st.sampled_from(places(PARAMS)), VALUES)
def test_any_value_in_any_place_makes_valid_parameters_or_a_message(place: tuple[str, ...], value: Any) -> None:
    content = YAML(typ="safe", pure=True).load(dumped(PARAMS))
    section = content
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = value
    try:
        params = parse_params(content, "params.yaml")
    except SeqlabError:
        return
    # What is valid comes back the same from YAML and from JSON.
    assert parse_params(parse_yaml(dumped(params.model_dump(mode="json")), "x"), "x") == params
    assert type(params).model_validate_json(params.model_dump_json()) == params


def test_levels_are_counted_before_they_cost_time() -> None:
    deepest = "[" * (MOST_LEVELS - 1) + "1" + "]" * (MOST_LEVELS - 1)
    assert parse_yaml(deepest, "x") == json.loads(deepest)
    for deep in (
        f"[{deepest}]",
        "[" * 3000,
        "a: " + "{a: " * 3000,
        "\n".join(" " * level + "a:" for level in range(99)),
    ):
        with pytest.raises(SeqlabError, match=f"more than {MOST_LEVELS} levels"):
            parse_yaml(deep, "x")
