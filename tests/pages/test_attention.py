import pytest

from seqlab.pages.attention import MAX_TOKENS, attention_table, spread
from seqlab.results.records import AttentionMap


def attention(source: int, translation: int) -> AttentionMap:
    return AttentionMap(
        source_tokens=[f"s{place}" for place in range(source)],
        translation_tokens=[f"t{place}" for place in range(translation)],
        weights=[[1 / source] * source for _ in range(translation)],
    )


def test_weights_stand_with_their_tokens() -> None:
    table = attention_table(
        AttentionMap(source_tokens=["a", "\uffedb\n"], translation_tokens=["x"], weights=[[0.97, 0.03]])
    )
    assert table.source == ["a", "·b↵"]
    ((row, cells),) = table.rows
    assert row == "x"
    assert [(cell.weight, cell.percent) for cell in cells] == [("0.97", "97"), ("0.03", "")]


def test_large_maps_and_long_tokens_are_cut() -> None:
    table = attention_table(attention(MAX_TOKENS + 7, MAX_TOKENS + 2))
    assert (len(table.source), len(table.rows), len(table.rows[0][1])) == (MAX_TOKENS,) * 3
    assert (table.source_left_out, table.translation_left_out) == (7, 2)
    long = AttentionMap(source_tokens=["y" * 500], translation_tokens=["z"], weights=[[1.0]])
    assert attention_table(long).source == ["y" * 24 + "…"]


@pytest.mark.parametrize(("count", "lengths"), [(0, []), (1, [1]), (2, [1, 9]), (3, [1, 4, 9]), (9, [1, 3, 4, 6, 9])])
def test_maps_shown_go_from_short_to_long(count: int, lengths: list[int]) -> None:
    maps = [attention(length, 2) for length in (4, 9, 1, 6, 3)] + [attention(2, 0)]
    assert [len(item.source_tokens) for item in spread(maps, count)] == lengths
