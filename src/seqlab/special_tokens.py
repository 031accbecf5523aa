"""Ids of the special tokens, the same in every vocabulary."""

PAD = 0
UNK = 1
SOS = 2
EOS = 3
SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")
