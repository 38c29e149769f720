"""Packs of lines, judged: with their media and what comparing found of them. As bytes, where they wait to be chosen."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from beam_tuning.curation.leaks import Leak
from beam_tuning.curation.repeats import Marks
from beam_tuning.dataset.compression import compressed, decompressed
from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.packs import LinePack
from beam_tuning.media.info import ProbeResult
from beam_tuning.pack_work.codecs import decoder, encode, results_by_uri
from beam_tuning.pack_work.rewritten import add_rewritten, judge_rewritten, rewritten_leak
from beam_tuning.policy.comparison import Comparison
from beam_tuning.policy.judge import Policy
from beam_tuning.reasons import Verdict
from beam_tuning.report.rejected import rejected_line
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.tables import line_hash
from beam_tuning.uri_rewriting import UriRewriting

#: Called with each kept example: its line as it came, the example, and the line as it is written.
WhenKept = Callable[[bytes, JudgedExample, bytes], None]


class JudgedLine(NamedTuple):
    """A line with its verdict.

    Attributes:
      text: as it is to be written.
      line_hash: of the line as the dataset has it.
    """

    example: JudgedExample
    text: bytes
    line_hash: bytes


class JudgedPack:
    """Lines of a shard, judged.

    Attributes:
      blank_lines: that stood between them.
    """

    def __init__(self, lines: Iterable[JudgedLine] = (), blank_lines: int = 0) -> None:
        self.lines = list(lines)
        self.blank_lines = blank_lines

    def add(self, example: JudgedExample, text: bytes, line: bytes, line_hash: bytes) -> None:
        """Adds an example.

        Args:
          text: what is written where it is kept, or left out of a sample.
          line: as it came, which is written where it is not.
          line_hash: of the line as the dataset has it.
        """
        is_whole = example.verdict in (Verdict.KEPT, Verdict.SAMPLED_OUT)
        self.lines.append(JudgedLine(example, text if is_whole else rejected_line(example, line), line_hash))


@dataclass(frozen=True)
class ShardJudge:
    """Judges the packs of one shard.

    Attributes:
      found: of the shard, encoded: `results`, and `marks` and `leaks` where examples are compared.
      first_lines: the number of the first line of every pack.
      rewriting: of media URIs, in which lines are judged and kept; a line that is not kept is told as it came.
    """

    policy: Policy
    rewriting: UriRewriting
    found: Mapping[str, Sequence[bytes]]
    first_lines: Mapping[bytes, int]

    def judged(self, pack: LinePack, when_kept: WhenKept | None = None) -> JudgedPack:
        """The pack with its lines judged."""
        judged = JudgedPack()
        first_line = self.first_lines[pack.key]
        for lines_before, offset, line in pack.lines():
            line_id = LineId(pack.split, pack.path, first_line + lines_before, offset)
            of_line = judge_rewritten(self.policy, line_id, line, self._media, self.rewriting)
            example = self._comparison.judge(self.policy, of_line, pack.key, lines_before)
            judged.add(example, of_line.text, line, line_hash(without_byte_order_mark(line)))
            if when_kept is not None and example.verdict is Verdict.KEPT:
                when_kept(line, example, of_line.text)
        judged.blank_lines = pack.line_count - len(judged.lines)
        return judged

    @functools.cached_property
    def _media(self) -> dict[str, ProbeResult]:
        media = results_by_uri(self.found["results"])
        add_rewritten(media, self.rewriting)
        return media

    @functools.cached_property
    def _comparison(self) -> Comparison:
        return Comparison(
            (mark for packed in self.found["marks"] for mark in _decode_marks(packed)),
            (rewritten_leak(leak, self.rewriting) for packed in self.found["leaks"] for leak in _decode_leaks(packed)),
            self.first_lines,
        )


def packs_of(packed: Iterable[bytes]) -> list[LinePack]:
    """Packs of a shard in the order of the input."""
    return sorted(map(_PACK_DECODER.decode, packed), key=lambda pack: (pack.path, pack.offset_bytes))


class WaitingPack(msgspec.Struct, frozen=True, array_like=True):
    """A judged pack that waits.

    Attributes:
      path, offset_bytes: of its lines: by these the packs of a shard are put in order before they are unpacked.
      packed: its lines, encoded and compressed.
      kept: how many of them are kept.
      is_pickled: whether a line holds what msgpack has no form for: an integer of more than 64 bits, half a character.
    """

    path: str
    offset_bytes: int
    blank_lines: int
    packed: bytes
    kept: int
    is_pickled: bool


def to_bytes(pack: LinePack, judged: JudgedPack) -> bytes:
    """The judged pack, to wait until it is known which examples are taken. Half of judging is what this costs."""
    is_pickled = False
    try:
        lines = encode(judged.lines)
    except (OverflowError, UnicodeEncodeError):
        is_pickled, lines = True, pickle.dumps(judged.lines, pickle.HIGHEST_PROTOCOL)
    kept = sum(line.example.verdict is Verdict.KEPT for line in judged.lines)
    return encode(WaitingPack(pack.path, pack.offset_bytes, judged.blank_lines, compressed(lines), kept, is_pickled))


def in_order(waiting: Iterable[bytes]) -> list[WaitingPack]:
    """The packs of a shard from what `to_bytes` gave, in the order of the input."""
    return sorted(map(_WAITING_DECODER.decode, waiting), key=lambda one: (one.path, one.offset_bytes))


def unpacked(waiting: WaitingPack) -> JudgedPack:
    """The inverse of `to_bytes`."""
    lines = decompressed(waiting.packed)
    # What is unpickled was pickled by `to_bytes`, in this very job.
    made = pickle.loads(lines) if waiting.is_pickled else _LINES_DECODER.decode(lines)  # noqa: S301
    return JudgedPack(made, waiting.blank_lines)


_LINES = list[JudgedLine]
_decode_marks = decoder(list[Marks]).decode
_decode_leaks = decoder(list[Leak]).decode
_PACK_DECODER = decoder(LinePack)
_WAITING_DECODER = decoder(WaitingPack)
_LINES_DECODER = decoder(_LINES)
