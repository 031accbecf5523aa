import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlab.tracking.fingerprint.canonical import canonical, digest, flatten

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


def test_known_text() -> None:
    assert canonical({"b": 0.0, "a": [1e-05, True, None, "é"]}) == '{"a":[1e-05,true,null,"\\u00e9"],"b":0}'


@pytest.mark.parametrize("other", [0.0, -0.0])
def test_zero_is_one_recipe_however_it_is_spelt(other: float) -> None:
    assert digest({"train": {"ratio": 0}}) == digest({"train": {"ratio": other}})


def test_a_truth_value_is_no_number() -> None:
    assert digest(True) != digest(1)


@given(JSON)
def test_equal_values_give_equal_text_after_a_round_trip(value: object) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_count(value: dict[str, int]) -> None:
    assert digest(dict(reversed(value.items()))) == digest(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_lacks_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical([value])


def test_flatten() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [2]}, "e": None}) == {"a.b.c": 1, "a.d": [2], "e": None}
