"""The special tokens, the same in every vocabulary: their ids and names, and what an unknown token decodes to."""

PAD = 0
UNK = 1
SOS = 2
EOS = 3
SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")
UNKNOWN = "⁇"
