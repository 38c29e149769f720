"""Probe results and leaks of a shard under the URIs that its lines are judged with (`--rewrite_uri`)."""

from __future__ import annotations

import msgspec

from beam_tuning.curation.leaks import Leak
from beam_tuning.media.info import ProbeFailure, ProbeResult
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
