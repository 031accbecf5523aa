"""Which text has no spaces between its words."""

import pytest

from seqlab.text.spacing import is_unspaced

CHINESE = ["我昨天看见红色的汽车和小汽车。", "我很好。", "他有 iPhone 手机吗？"]
JAPANESE = ["私は昨日赤い車を見ました。", "コーヒーをください。", "ﾊﾝｶｸｶﾅ"]
THAI = ["ฉันเห็นรถสีแดงและรถคันเล็กเมื่อวานนี้ เขาก็เห็น", "สวัสดีครับ"]
KHMER = ["ខ្ញុំបានឃើញឡានក្រហមម្សិលមិញ"]
KOREAN = ["나는 어제 빨간 자동차와 작은 자동차를 보았다."]
WESTERN = ["I saw the red car yesterday.", "Ünder l'eau, 中.", "Я видел красную машину.", "אני רואה מכונית"]
CUT = [["我 昨天 看见 红色 的 汽车 和 小 汽车 。"], ["ฉัน เห็น รถ สี แดง และ รถ คัน เล็ก เมื่อ วาน นี้"]]


@pytest.mark.parametrize("texts", [CHINESE, JAPANESE, THAI, KHMER])
def test_without_spaces(texts: list[str]) -> None:
    assert is_unspaced(texts)
    # A few of another language are no matter.
    assert is_unspaced([*texts * 20, *WESTERN])


@pytest.mark.parametrize("texts", [KOREAN, WESTERN, *CUT, [], [""], ["12 34", "!?"], ["a" * 99]])
def test_with_spaces(texts: list[str]) -> None:
    assert not is_unspaced(texts)
