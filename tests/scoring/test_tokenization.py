"""Which tokenizer the scores take, and what they say where it is missing or does not fit."""

from pathlib import Path

import pytest
from sacrebleu import BLEU, TER

from seqlab.core.errors import SeqlabError
from seqlab.evaluation.scoring.metrics import bleu, ter, ter_note
from seqlab.scoring.bleu import corpus_bleu
from seqlab.scoring.tokenization import bleu_metric, from_signature, resolve, uncut_note

CHINESE = [("他现在找到旧汽车和新房子。",), ("我们又喜欢旧苹果和大鱼。",)]
JAPANESE = [("彼は今、古い車と新しい家を見つけました。",)]
THAI = [("เขาพบรถเก่าและบ้านใหม่แล้ว",)]
KOREAN = [("그는 지금 오래된 차와 새 집을 찾는다.",)]
FRENCH = [("il trouve la vieille voiture et la nouvelle maison.",)]


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("fr", "13a"), ("cs", "13a"), ("en", "13a"), ("vi", "13a"), ("he", "13a"), ("summary", "13a"), ("", "13a"),
        ("zh", "zh"), ("zh-TW", "zh"), ("zho_Hans", "zh"), ("yue", "zh"), ("ja", "ja-mecab"), ("JA_jp", "ja-mecab"),
        ("ko", "ko-mecab"), ("th", "char"), ("my", "char"), ("khm_Khmr", "char"),
    ],
)  # fmt: skip
def test_auto_goes_by_the_language(target: str, name: str) -> None:
    assert resolve("auto", target) == name
    # What is asked for stays.
    assert resolve("intl", target) == "intl"


def test_a_signature_leads_back_to_the_name() -> None:
    # sacreBLEU adds MeCab's version and dictionary.
    assert from_signature("ja-mecab-0.996-IPA") == "ja-mecab"
    assert from_signature("ko-mecab-0.996/ko-0.9.2-KO") == "ko-mecab"
    assert [from_signature(name) for name in ("13a", "zh", "char")] == ["13a", "zh", "char"]


def test_its_names_are_sacrebleu_s() -> None:
    assert {"13a", "intl", "char", "zh", "ja-mecab", "ko-mecab", "flores200", "none"} <= BLEU.TOKENIZERS


@pytest.mark.parametrize("tokenize", ["13a", "intl", "char", "zh", "none"])
def test_the_score_is_sacrebleu_s_under_that_name(tokenize: str) -> None:
    texts = ["他现在找到旧汽车和新鱼。", "我们又喜欢, 旧苹果和大鱼。"]
    streams = [[one for (one,) in CHINESE]]
    expected = BLEU(tokenize=tokenize, force=True)
    score = expected.corpus_score(texts, streams).score
    ours = bleu(texts, CHINESE, tokenize=tokenize, bootstrap_samples=100)
    assert ours.score == corpus_bleu(texts, CHINESE, tokenize=tokenize) == pytest.approx(score, abs=1e-9)
    assert f"|tok:{tokenize}|" in ours.signature
    assert (ours.score > 20) == (tokenize in ("char", "zh"))


def test_ter_counts_chinese_characters() -> None:
    # Three characters of 13 tokens are others, the full stop among these.
    ours = ter(["他现在找到旧汽车和大鱼塘。"], CHINESE[:1], bootstrap_samples=100)
    assert ours.score == pytest.approx(100 * 3 / 13)
    assert "|norm:yes|punct:yes|asian:yes|" in ours.signature
    assert (
        ours.score
        == TER(normalized=True, asian_support=True)
        .corpus_score(["他现在找到旧汽车和大鱼塘。"], [["他现在找到旧汽车和新房子。"]])
        .score
    )


def test_ter_of_other_languages_is_as_ever() -> None:
    for references in (FRENCH, KOREAN):
        assert "|norm:no|punct:yes|asian:no|" in ter(["x"], references, bootstrap_samples=100).signature


@pytest.mark.parametrize(
    ("tokenize", "references"), [("13a", CHINESE), ("intl", THAI), ("none", JAPANESE), ("zh", THAI)]
)
def test_a_tokenizer_that_leaves_sentences_whole_is_said(tokenize: str, references: list[tuple[str, ...]]) -> None:
    note = uncut_note(tokenize, references)
    assert note is not None
    assert f"tokenization {tokenize} takes a sentence" in note


@pytest.mark.parametrize(
    ("tokenize", "references"), [("zh", CHINESE), ("char", THAI), ("13a", FRENCH), ("13a", KOREAN), ("char", JAPANESE)]
)
def test_one_that_cuts_them_is_not(tokenize: str, references: list[tuple[str, ...]]) -> None:
    assert uncut_note(tokenize, references) is None


def test_ter_says_where_it_knows_no_words() -> None:
    assert "chrF says more" in (ter_note(THAI) or "")
    assert [ter_note(references) for references in (CHINESE, JAPANESE, FRENCH, KOREAN)] == [None] * 4


@pytest.mark.parametrize("tokenize", ["ja-mecab", "ko-mecab"])
def test_a_missing_package_is_one_message(tokenize: str, monkeypatch: pytest.MonkeyPatch) -> None:
    language = tokenize[:2]
    monkeypatch.setattr(f"sacrebleu.tokenizers.tokenizer_{language}_mecab.MeCab", None)
    with pytest.raises(SeqlabError) as caught:
        bleu_metric(tokenize)
    assert "-r requirements-mecab.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_is_downloaded_for_flores200(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sacrebleu.utils.SACREBLEU_DIR", str(tmp_path))
    with pytest.raises(SeqlabError, match=r"flores200sacrebleuspm is not there: get it by"):
        bleu_metric("flores200")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("tokenize", "references"), [("ja-mecab", JAPANESE), ("ko-mecab", KOREAN)])
def test_mecab_where_it_is_installed(tokenize: str, references: list[tuple[str, ...]]) -> None:
    pytest.importorskip("MeCab" if tokenize == "ja-mecab" else "mecab_ko")
    score = bleu([texts[0] for texts in references], references, tokenize=tokenize, bootstrap_samples=100)
    assert score.score == pytest.approx(100)
    token = next(part for part in score.signature.split("|") if part.startswith("tok:"))
    assert from_signature(token.removeprefix("tok:")) == tokenize
    assert uncut_note(tokenize, references) is None
