import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.core.errors import SeqlabError
from seqlab.core.special_tokens import EOS, PAD, SOS, UNK
from seqlab.text.tokenizer import KINDS, Tokenizer, load_tokenizers, save_tokenizers
from seqlab.tokenizing.vocabulary import train_model

# Every character that some layer treats specially, and the pieces of the others.
HARD = (
    "\x00\x01\t\n\x0b\r\x1f \x85\xa0\xadé\u0301\u200b\u200d\u200f\u2028\u2029⁇▁▅\u3000\ufeff￭\ufffd\ufffe😀"
    "\U0010fff0\U0010fff5\U0010fff6\U0010fff7\U0010ffff<s>a0'."
)
TRAINING = [HARD, *HARD, "the cat sat on the mat.", " the  cat ", *"0123456789"]
TOKENIZERS = {kind: Tokenizer(train_model(TRAINING, kind, 400, "texts"), kind, 10) for kind in KINDS}
KNOWN = sorted(set("".join(TRAINING)))

each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.parametrize("kind", ["bpe", "unigram", "char"])
@given(texts=st.lists(st.text(st.sampled_from(KNOWN), max_size=60), max_size=4))
@settings(max_examples=300, deadline=None)
def test_round_trip_of_known_characters(kind: str, texts: list[str]) -> None:
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(texts)
    assert tokenizer.decode(ids) == texts
    assert not any(UNK in row for row in ids)


@given(texts=st.lists(st.text(), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_round_trip_of_known_words(texts: list[str]) -> None:
    words = " ".join(texts) + "."
    tokenizer = Tokenizer(train_model([*texts, words], "word", 1000, "texts"), "word", 10)
    assert tokenizer.decode(tokenizer.encode([*texts, words])) == [*texts, words]


@each_kind
@given(texts=st.lists(st.text(), max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back_but_for_what_is_unknown(kind: str, texts: list[str]) -> None:
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(texts)
    for text, row, decoded in zip(texts, ids, tokenizer.decode(ids), strict=True):
        assert all(0 < index < tokenizer.vocab_size and index not in (SOS, EOS) for index in row)
        assert decoded == text if UNK not in row else "⁇" in decoded


@each_kind
def test_what_is_unknown_is_visible(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(["the ЖЖ cat"])
    assert ids[0].count(UNK) == 1
    assert tokenizer.decode(ids) == ["the ⁇ cat"]


def test_each_unknown_word_is_one_unknown_token() -> None:
    tokenizer = TOKENIZERS["word"]
    assert tokenizer.pieces(tokenizer.encode(["the ж ж, mat"])[0]) == ["the", "<unk>", "<unk>", "<unk>", "mat"]


@each_kind
def test_special_tokens_are_dropped(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(["the cat"])[0]
    assert tokenizer.decode([[SOS, *ids, EOS, PAD, PAD], [PAD], []]) == ["the cat", "", ""]
    assert tokenizer.decode([]) == []


@each_kind
def test_an_id_outside_the_vocabulary_is_refused(kind: str) -> None:
    with pytest.raises(IndexError):
        TOKENIZERS[kind].decode([[TOKENIZERS[kind].vocab_size]])


@each_kind
def test_a_batch_gives_what_its_texts_give_one_at_a_time(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    texts = [f"the cat {number} sat" for number in range(3000)]
    assert tokenizer.encode(texts) == [tokenizer.encode([text])[0] for text in texts]
    assert tokenizer.encode([]) == []


@each_kind
def test_invalid_unicode_is_refused(kind: str) -> None:
    with pytest.raises(SeqlabError, match="not valid Unicode"):
        TOKENIZERS[kind].encode(["fine", "\udfff"])


def test_pieces_are_readable() -> None:
    assert TOKENIZERS["word"].pieces([PAD, UNK, SOS, EOS]) == ["<pad>", "<unk>", "<s>", "</s>"]
    ids = TOKENIZERS["char"].encode(["a \x00▁"])[0]
    assert TOKENIZERS["char"].pieces(ids) == ["a", "▁", "\x00", "▁"]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    models = train_model(["a b c"], "bpe", 50, "texts"), train_model(["d e f g h"], "bpe", 50, "texts")
    save_tokenizers(tmp_path, "bpe", "separate", models, (7, 9))
    return tmp_path


def test_saved_tokenizers_are_loaded(saved: Path) -> None:
    source, target = load_tokenizers(saved)
    assert (source.vocab_size, source.max_length, source.kind) == (8 + 2, 7, "bpe")
    assert target.max_length == 9
    assert source.decode(source.encode(["a c"])) == ["a c"]
    assert target.decode(target.encode(["d h"])) == ["d h"]


@pytest.mark.parametrize("name", ["config.json", "source.model", "target.model"])
def test_a_missing_file_is_named(name: str, saved: Path) -> None:
    (saved / name).unlink()
    with pytest.raises(SeqlabError, match=f"cannot read .*{name}: No such file"):
        load_tokenizers(saved)


@pytest.mark.parametrize("name", ["source.model", "target.model"])
def test_a_damaged_model_is_refused(name: str, saved: Path) -> None:
    content = bytearray((saved / name).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / name).write_bytes(content)
    with pytest.raises(SeqlabError, match=f"{name} is not the model"):
        load_tokenizers(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", "[" * 100_000, "\udcff", '{"kind": "bpe"}'])
def test_a_damaged_config_is_refused(text: str, saved: Path) -> None:
    (saved / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SeqlabError, match=r"config\.json does not describe a tokenizer"):
        load_tokenizers(saved)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("vocab_size", 11, "has 10 tokens, but config.json beside it says 11"),
        ("vocab_size", "10", "no possible tokenizer"),
        ("max_length", 0, "no possible tokenizer"),
        ("max_length", True, "no possible tokenizer"),
        ("sha256", None, "not the model"),
        ("extra", 1, "does not describe"),
    ],
)
def test_a_lying_config_is_refused(key: str, value: Any, message: str, saved: Path) -> None:
    path = saved / "config.json"
    config = json.loads(path.read_text())
    config["source"][key] = value
    path.write_text(json.dumps(config))
    with pytest.raises(SeqlabError, match=message):
        load_tokenizers(saved)


@pytest.mark.parametrize("kind", ["words", None, []])
def test_an_unknown_kind_is_refused(kind: Any, saved: Path) -> None:
    path = saved / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"kind": kind}))
    with pytest.raises(SeqlabError, match="no possible tokenizer"):
        load_tokenizers(saved)


@pytest.mark.parametrize("model", [b"", b"x", b"\x80\x04K\x01."])
def test_what_is_no_model_is_refused_though_the_checksum_fits(model: bytes, saved: Path) -> None:
    (saved / "source.model").write_bytes(model)
    path = saved / "config.json"
    config = json.loads(path.read_text())
    config["source"]["sha256"] = hashlib.sha256(model).hexdigest()
    path.write_text(json.dumps(config))
    with pytest.raises(SeqlabError, match=r"source\.model: .*SentencePiece model"):
        load_tokenizers(saved)


def test_a_model_whose_pieces_are_no_text_is_refused() -> None:
    model = train_model(["a b c"], "bpe", 50, "texts").replace("⁇".encode(), b"\xe2'\x87")
    with pytest.raises(SeqlabError, match="pieces that are no text"):
        Tokenizer(model, "bpe", 10).decode([[UNK]])
