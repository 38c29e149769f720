"""Probe results and leaks of a shard under the URIs that its lines are judged with (`--rewrite_uri`)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from beam_tuning.curation.leaks import Leak
from beam_tuning.dataset.example import LineId
from beam_tuning.media.info import ProbeFailure, ProbeResult
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.judged_line import JudgedLine, judge_line
from beam_tuning.uri_rewriting import UriRewriting


def add_rewritten(media: dict[str, ProbeResult], rewriting: UriRewriting) -> None:
    """What was found at the old place stands for the new one, unless the new one was looked at and is there."""
    for uri, result in list(media.items()):
        new = rewriting.get(uri)
        if new is not None and (new not in media or isinstance(media[new].media, ProbeFailure)):
            media[new] = msgspec.structs.replace(result, uri=new)


def rewritten_leak(leak: Leak, rewriting: UriRewriting) -> Leak:
    """Examples are judged under their new URIs, and found in both splits under the old ones."""
    uri, other_uri = (rewriting.get(one) or one for one in (leak.uri, leak.other_uri))
    return msgspec.structs.replace(leak, uri=uri, other_uri=other_uri)


def judge_rewritten(
    policy: Policy,
    line_id: LineId,
    line: bytes,
    media: Mapping[str, ProbeResult],
    rewriting: UriRewriting,
) -> JudgedLine:
    """Judges a line with its media URIs rewritten. Raises nothing.

    Args:
      line: as it was read, without its newline.
      media: as for `judge_line`.
    """
    rewritten = rewriting.line(line)
    judged = judge_line(policy, line_id, rewritten, media)
    if rewritten is line:
        return judged
    added_bytes = judged.example.added_bytes + len(rewritten) - len(line)
    example = msgspec.structs.replace(judged.example, size_bytes=len(line), added_bytes=added_bytes)
    return judged._replace(example=example)
