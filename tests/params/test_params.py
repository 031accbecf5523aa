"""params.yaml: what is accepted, and how a mistake is reported."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params, load_params, parse_params
from seqlab.params.schema import MOST
from seqlab.tracking.foreign_schema import Whole

ROOT = Path(__file__).parents[2]


@pytest.fixture
def content() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
    return loaded


def change(content: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(content)
    *sections, key = name.split(".")
    section = changed
    for part in sections:
        section = section[part]
    section[key] = value
    return changed


def test_the_default_parameters_are_valid() -> None:
    assert load_params(ROOT / "params.yaml").corpus.name == "grammar"


def test_no_parameter_has_a_name_that_dvc_overlooks(content: dict[str, Any]) -> None:
    """The key of DVC's run-cache leaves out every `size` and `nfiles`: another value would restore the old result."""

    def names(section: dict[str, Any]) -> set[str]:
        return {*section, *(name for value in section.values() if isinstance(value, dict) for name in names(value))}

    assert not names(content) & {"size", "nfiles"}


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("train.teacher_forcing_ration", "train.teacher_forcing_ratio"),
        ("model.hiden_size", "model.hidden_size"),
        ("evaluate.beamsize", "evaluate.beam_size"),
        ("corpus.grammar.traim_size", "corpus.grammar.train_size"),
        ("sead", "seed"),
        # A right key in a wrong place.
        ("model.learning_rate", "train.learning_rate"),
    ],
)
def test_an_unknown_parameter_names_the_nearest_known_one(content: dict[str, Any], name: str, nearest: str) -> None:
    with pytest.raises(SeqlabError, match=re.escape(f"{name}: no such parameter; did you mean {nearest}?")):
        parse_params(change(content, name, 1), "params.yaml")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("train.teacher_forcing_ratio", 1.5, "less than or equal to 1"),
        ("train.teacher_forcing_ratio", "0.5", "valid number"),
        ("train.epochs", True, "valid integer"),
        ("train.epochs", 2.0, "valid integer"),
        ("train.learning_rate", float("nan"), "finite number"),
        ("train.learning_rate", 0.0, "greater than 0"),
        ("model.cell", "transformer", "'gru', 'lstm' or 'rnn'"),
        ("model.bidirectional", "yes", "valid boolean"),
        ("train.keep_checkpoints", 0, "greater than or equal to 1"),
        ("train.bpe_dropout", 1.1, "less than or equal to 1"),
        ("model.dropout", 1.0, "less than 1"),
        ("model.dropout", 0.999995, "dropout is 0.999995: set 0, or from 0.00002 to 0.99998"),
        ("model.dropout", 1e-6, "dropout is 1e-06: set 0"),
        ("train.shards", 0, "greater than or equal to 1"),
        ("train.shards", 65, "shards is 65, more than the 64 pairs of a batch"),
        ("evaluate.parameters", "mean", "'best', 'average' or 'ensemble'"),
        ("evaluate.parameters", "average", "train.keep_checkpoints must be 2 or more, not 1"),
        ("evaluate.n_best", 3, "larger than beam_size"),
        ("evaluate.length_buckets", [10, 5], "rise"),
        (
            "evaluate.tokenize",
            "mecab",
            "'auto', '13a', 'intl', 'char', 'zh', 'ja-mecab', 'ko-mecab', 'flores200' or 'none'",
        ),
        ("evaluate.metrics", ["bleu"], "'rouge' or 'diversity', not 'bleu'"),
        ("evaluate.metrics", "rouge", "evaluate.metrics: expected a list in brackets, such as [rouge], not 'rouge'"),
        ("corpus.files.test", None, "corpus.files.test: expected a list in brackets, such as [], not None"),
        (
            "corpus.files.train",
            ["a", "b", "c"],
            "corpus.files.train: this list has at most 2 items, not ['a', 'b', 'c']",
        ),
        ("corpus.files.train", ["a", 1], "corpus.files.train, item 2: input should be a valid string, not 1"),
        ("corpus.files.train", ["t.en", "t.en"], "corpus.files.train: t.en is named twice: the first file holds"),
        ("corpus.files.valid", ["./t.en", "a/../t.en"], "corpus.files.valid: ./t.en is named twice"),
        ("corpus.name", "files", "corpus: files.train is empty; name your files in data/own/ there"),
        ("evaluate.length_buckets", [], "evaluate.length_buckets: this list has at least 1 item, not []"),
        ("model.cell", {}, "'gru', 'lstm' or 'rnn', not {}"),
        ("corpus.grammar", [], "corpus.grammar: expected the parameters of this section, indented below it, not []"),
        ("evaluate.metrics", ["rouge", "diversity", "rouge"], "one twice"),
        # The default corpus is French on its target side.
        ("evaluate.metrics", ["rouge"], "corpus.target is fr"),
        ("corpus.multi30k.test", 2016, "'2016' or '2017'"),
        ("seed", 2**63, "seed is beyond 9,223,372,036,854,775,807"),
        ("train.log_every", 10**20, "train: log_every is beyond"),
        ("evaluate.length_buckets", [5, 2**64], "evaluate: length_buckets is beyond"),
        ("runtime.device", "auto", "'cpu' or 'cuda'"),
        ("runtime.engine", "cuda", "'fast' or 'plain'"),
    ],
)
def test_a_bad_value_is_refused_with_its_name(content: dict[str, Any], name: str, value: Any, message: str) -> None:
    with pytest.raises(SeqlabError) as caught:
        parse_params(change(content, name, value), "params.yaml")
    assert name.rsplit(".", maxsplit=1)[0] in str(caught.value)
    assert message in str(caught.value)


def test_the_largest_number_is_one_that_the_journal_takes(content: dict[str, Any]) -> None:
    parse_params(change(content, "seed", MOST), "params.yaml")
    number = TypeAdapter(Whole)
    assert number.validate_python(MOST, strict=True) == MOST
    with pytest.raises(ValidationError):
        number.validate_python(MOST + 1, strict=True)


@pytest.mark.parametrize("target", ["en", "reply", "summary", "title"])
def test_rouge_reads_english(content: dict[str, Any], target: str) -> None:
    content = change(content, "evaluate.metrics", ["rouge"])
    assert parse_params(change(content, "corpus.target", target), "").evaluate.metrics == ["rouge"]


def test_every_mistake_is_reported_at_once(content: dict[str, Any]) -> None:
    content = change(change(content, "train.epochs", 0), "model.layers", 0)
    del content["seed"]
    with pytest.raises(SeqlabError) as caught:
        parse_params(content, "params.yaml")
    assert all(name in str(caught.value) for name in ("train.epochs", "model.layers", "seed: missing"))


def test_an_integer_stands_for_a_float(content: dict[str, Any]) -> None:
    zero = parse_params(change(content, "train.teacher_forcing_ratio", 0), "")
    assert zero == parse_params(change(content, "train.teacher_forcing_ratio", 0.0), "")


def test_yaml_1_2_numbers_as_dvc_writes_them(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text("utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"learning_rate: [\d.]+", "learning_rate: 1e-05", text, count=1), "utf-8")
    assert load_params(path).train.learning_rate == 1e-5


@pytest.mark.parametrize("text", ["", "[1, 2]", "seed: [", "a: &a [*a]", "!!python/object/apply:os.system ['true']"])
def test_a_file_that_is_no_mapping_of_sections(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(SeqlabError, match=r"params\.yaml"):
        load_params(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match="cannot read"):
        load_params(tmp_path / "params.yaml")


def test_only_the_options_of_the_chosen_corpus_count(content: dict[str, Any]) -> None:
    params = parse_params(content, "")
    other = parse_params(change(content, "corpus.tatoeba.seed", 99), "")
    assert params.corpus.active() == other.corpus.active()
    assert params.corpus.active() != parse_params(change(content, "corpus.grammar.seed", 99), "").corpus.active()


def test_tied_embeddings_need_a_joint_vocabulary(content: dict[str, Any]) -> None:
    content = change(change(content, "model.tie_embeddings", True), "tokenizer.vocabulary", "separate")
    with pytest.raises(SeqlabError, match=r"model\.tie_embeddings needs one vocabulary"):
        parse_params(content, "params.yaml")
    parse_params(change(content, "tokenizer.vocabulary", "joint"), "params.yaml")


@pytest.mark.parametrize("kind", ["word", "unigram", "char"])
def test_bpe_dropout_needs_merges(content: dict[str, Any], kind: str) -> None:
    content = change(change(content, "train.bpe_dropout", 0.1), "tokenizer.kind", kind)
    with pytest.raises(SeqlabError, match=rf"train\.bpe_dropout leaves out merges, .*\.kind {kind} has none: set"):
        parse_params(content, "params.yaml")
    parse_params(change(content, "train.bpe_dropout", 0), "params.yaml")
    parse_params(change(content, "tokenizer.kind", "bpe"), "params.yaml")


def test_input_feeding_needs_attention(content: dict[str, Any]) -> None:
    content = change(change(content, "model.input_feeding", True), "model.attention", "none")
    with pytest.raises(SeqlabError, match=r"model.*needs attention"):
        parse_params(content, "params.yaml")
    parse_params(change(content, "model.attention", "dot"), "params.yaml")


def test_portable_numerics_exclude_bfloat16(content: dict[str, Any]) -> None:
    content = change(change(content, "runtime.numerics", "portable"), "train.precision", "bfloat16")
    with pytest.raises(SeqlabError, match="portable excludes"):
        parse_params(content, "params.yaml")


def schema_comments(section: Any, indent: int) -> list[tuple[str, str]]:
    documented = []
    for key, field in section.model_fields.items():
        documented.append(("  " * indent + key, field.description))
        if hasattr(field.annotation, "model_fields"):
            documented += schema_comments(field.annotation, indent + 1)
    return documented


def test_the_comment_above_each_parameter_is_the_schema_s_description() -> None:
    found, comment = [], []
    for line in (ROOT / "params.yaml").read_text("utf-8").splitlines():
        if line.strip().startswith("#"):
            comment.append(line.strip().removeprefix("#").strip())
        elif ":" in line:
            found.append((line.split(":")[0], " ".join(comment)))
            comment = []
        else:
            comment = []
    assert found == schema_comments(Params, 0)


@pytest.mark.parametrize("side", ["pt/BR", "a:b", "", " en", "en ", "a  b", "..\n", "it's", "e" * 65, "%", "a\tb"])
def test_a_side_that_mlflow_cannot_name_a_model_by_is_refused(content: dict[str, Any], side: str) -> None:
    with pytest.raises(SeqlabError, match=r"corpus\.target: .* names no side: use letters"):
        parse_params(change(content, "corpus.target", side), "params.yaml")


@pytest.mark.parametrize("side", ["en", "zh_Hans", "pt-BR", "Français", "Old English", "中文", "c++"])
def test_a_side_may_have_any_other_name(content: dict[str, Any], side: str) -> None:
    assert parse_params(change(content, "corpus.target", side), "params.yaml").corpus.target == side


@pytest.mark.parametrize("name", ["base", "1", "tf0.50-h128-gru_dot.v2", "none", "a" * 64])
def test_a_name_of_a_checkpoint(content: dict[str, Any], name: str) -> None:
    assert parse_params(change(content, "train.start_from", name), "t").train.start_from == name


@pytest.mark.parametrize("parameter", ["train.start_from", "tokenizer.take_from", "evaluate.ensemble_with"])
@pytest.mark.parametrize("name", ["../best", "a/b", "", ".hidden", "-x", "a b", "é", "base.dvc", "a" * 65, "${seed}"])
def test_what_names_no_folder_below_origins_is_refused(content: dict[str, Any], parameter: str, name: str) -> None:
    with pytest.raises(SeqlabError, match=rf"{parameter}: "):
        parse_params(change(content, parameter, name), "t")


@pytest.mark.parametrize("name", [None, "None", "null", "NONE"])
def test_no_checkpoint_has_one_spelling(content: dict[str, Any], name: str | None) -> None:
    """DVC would look for a folder of another."""
    with pytest.raises(SeqlabError, match=r"train\.start_from: write none where there is to be no checkpoint"):
        parse_params(change(content, "train.start_from", name), "t")
