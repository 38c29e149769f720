"""How many examples and bytes a model's limits have room for."""

from __future__ import annotations

import msgspec


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """The limits on whole files.

    Attributes:
      text_examples, multimodal_examples: of the training file, without media and with any.
      train_bytes: of the training file.
      validation_examples: of the validation file.
      validation_percent: of the number of training examples that the validation examples may be, where they are more
        than `validation_percent_from`.
    """

    text_examples: int
    multimodal_examples: int
    train_bytes: int
    validation_examples: int
    validation_percent: int
    validation_percent_from: int

    def train_examples(self, *, has_media: bool) -> int:
        """Examples that the training file may have."""
        return self.multimodal_examples if has_media else self.text_examples

    def validation_examples_beside(self, train_examples: int) -> int:
        """Examples that the validation file may have beside so many training examples."""
        share = train_examples * self.validation_percent // 100
        return min(self.validation_examples, max(self.validation_percent_from, share))
