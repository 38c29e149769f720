"""Fields that are no whole bytes."""

from __future__ import annotations


class Bits:
    """Bits of a short byte string, the highest first; zeros after its end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next bits, as an unsigned integer."""
        self._left -= count
        shifted = self._value >> self._left if self._left >= 0 else self._value << -self._left
        return shifted & ((1 << count) - 1)

    def left(self) -> int:
        """How many bits follow; below 0 when more were taken than there are."""
        return self._left

    def take_unsigned(self) -> int:
        """An Exp-Golomb code, ue(v) of Rec. ITU-T H.264, 9.1; more than 32 zeros count as 32."""
        zeros = 0
        while zeros < 32 and self._left > 0 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def take_signed(self) -> int:
        """A signed Exp-Golomb code, se(v) of Rec. ITU-T H.264, 9.1.1."""
        code = self.take_unsigned()
        return (code + 1) // 2 if code & 1 else -(code // 2)
