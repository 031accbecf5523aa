"""Any text through the whole of the text stages: from data/own to token arrays, batches, and back."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import SPLITS, Example
from seqlab.core.special_tokens import EOS, PAD
from seqlab.corpus.build import build as build_corpus
from seqlab.params.schema import TokenizerParams
from seqlab.text.batches import Batches
from seqlab.text.encoded import open_split
from seqlab.text.sequences import write_sequences
from seqlab.text.tokenizer import KINDS, Tokenizer, load_tokenizers
from seqlab.tokenizing.build import build as build_text
from seqlab.tokenizing.vocabulary import train_model
from tests.corpus.samples import corpus_params, splits_of

HOSTILE = [
    "a\0b\0",
    "\x01\x1b[2J\x07\x7f\x9f",
    "\u202eright to left\u202c \u200fעברית\u200e العربية",
    "zero\u200bwidth\u200c\u200d\ufeff\u2060 \u00ad",
    "<script>alert(1)</script><img src=x onerror=alert(1)>&amp;&#0;",
    '=HYPERLINK("http://a")\t+1\t-1\t@SUM(A1)\t\'=1',
    "\"quotes\", 'commas',\r\nline\rbreaks\n\n\u2028\u2029\x85\x0b\x0c",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 e\u0301\u0323" + "\u0300" * 99,  # longer words are unknown ones
    "\ue000\U000f0000\U0010fff0\U0010ffff\ufffd\ufffe\uffff\u2581\u2585\uffed⁇",
    "<s></s><pad><unk>▁ ￭",
    "../../etc/passwd; rm -rf / `id` $(id) %s %n {0} ${x} {{x}}",
]
MEGABYTE = "".join(HOSTILE) * (1_000_000 // len("".join(HOSTILE)) + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_text_survives_from_own_file_to_token_arrays(kind: str, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    pairs = [(text, text[::-1]) for text in HOSTILE] + [(MEGABYTE, "a megabyte")] * (kind == "char")
    records = [json.dumps({"source": one, "references": [other]}) for one, other in pairs]
    (own / "all.jsonl").write_text("\n".join(records), "utf-8")
    files = {split: ["all.jsonl"] for split in SPLITS}
    build_corpus(corpus_params("files", "en", "fr", **files), tmp_path / "raw", tmp_path / "cache", own)
    for examples in splits_of(tmp_path / "raw").values():
        assert examples == [Example(one, (other,)) for one, other in pairs]

    lengths = {"max_source_length": 10**7, "max_target_length": 10**7}
    params = TokenizerParams.model_validate(
        {"kind": kind, "vocab_size": 2000, "vocabulary": "joint", "take_from": "none"} | lengths
    )
    build_text(params, tmp_path / "raw", tmp_path / "tokenized", tmp_path / "statistics.json")
    source, target = load_tokenizers(tmp_path / "tokenized/tokenizer")
    for split in SPLITS:
        encoded = open_split(tmp_path / "tokenized" / split)
        assert source.decode([encoded.source(index).tolist() for index in range(len(encoded))]) == [p[0] for p in pairs]
        assert target.decode([encoded.target(index).tolist() for index in range(len(encoded))]) == [p[1] for p in pairs]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.text(max_size=40) | st.sampled_from(HOSTILE), min_size=1, max_size=5))
def test_a_tokenizer_of_any_text_gives_it_back_and_is_made_the_same_again(kind: str, texts: list[str]) -> None:
    try:
        model = train_model(texts, kind, 3000, "texts")
    except SeqlabError:
        # Refused: nothing in it to learn from.
        assert not any(texts)
        return
    tokenizer = Tokenizer(model, kind, 10)
    assert tokenizer.decode(tokenizer.encode(texts)) == texts
    assert train_model(texts, kind, 3000, "texts") == model


LENGTHS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60)


@settings(deadline=None)
@given(lengths=LENGTHS, size=st.integers(1, 30), by=st.sampled_from(["sentences", "tokens"]), data=st.data())
def test_any_epoch_resumes_anywhere_and_pads_on_the_right(
    lengths: list[tuple[int, int]], size: int, by: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("split")
    for side, name in enumerate(("source", "target")):
        with write_sequences(folder, name, 100) as writer:
            writer.append([[10 + side] * pair[side] for pair in lengths])
    split = open_split(folder)
    whole = list(Batches(split, size, by, seed=3).epoch(2))  # type: ignore[arg-type]
    start = data.draw(st.integers(0, len(whole)))
    rest = list(Batches(split, size, by, seed=3).epoch(2, start=start))  # type: ignore[arg-type]
    assert [batch.indices.tolist() for batch in rest] == [batch.indices.tolist() for batch in whole[start:]]
    for batch in whole:
        for side, ids, ends in ((0, batch.source, batch.source_lengths), (1, batch.target, batch.target_lengths)):
            width = ids.shape[1]
            assert width == ends.max()
            for row, end, index in zip(ids.tolist(), ends.tolist(), batch.indices.tolist(), strict=True):
                length = lengths[index][side]
                assert end == length + 1
                assert row == [10 + side] * length + [EOS] + [PAD] * (width - end)
