"""`beam_tuning.check_line`: what becomes of one line of a dataset."""

from __future__ import annotations

import os
from collections.abc import Iterable

from beam_tuning.api.signing_in import sign_in
from beam_tuning.limits_file import policy_of
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import shared_prober
from beam_tuning.policy.checked_line import CheckedLine, check, media_of


def check_line(
    line: bytes | str,
    *,
    model: str,
    probe: bool = False,
    limits: str | os.PathLike[str] | None = None,
    length_basis: str = "segment",
    tolerate: Iterable[str] = (),
    allow_local_media: bool = False,
    allow_private_addresses: bool = False,
    billing_project: str | None = None,
) -> CheckedLine:
    """Judges one line as `validate` does.

    What only a dataset as a whole shows, such as mixed media resolutions, is not looked at.

    Args:
      line: one JSON object, with or without its newline.
      model: to tune, e.g. `gemini-3.5-flash`.
      probe: whether the media that the line names are looked at. Without it nothing is read or sent, and a line with
        media is at best undecided: it has the finding MEDIA_NOT_PROBED.
      limits: TOML file with limits of your own.
      length_basis: `segment` or `file`: what a length limit is held against where the line names a segment.
      tolerate: codes of reasons that shall decide nothing.
      allow_local_media: whether paths of this machine and file:// URIs are looked at.
      allow_private_addresses: whether an http(s):// host may have a private or loopback address.
      billing_project: pays for reading from a bucket that charges the reader (requester pays).

    Raises:
      OptionError: the model is not known, or another value cannot be used.
      UsageError: the Google Cloud credentials of this machine cannot be used.
    """
    policy = policy_of(
        model, limits=limits, length_basis=length_basis, tolerate=tolerate, allow_local_media=allow_local_media
    )
    content = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else bytes(line)
    if not probe:
        return check(policy, content, {})
    uris = media_of(content)
    sign_in(uris)
    prober = shared_prober(
        ProbeOptions(
            allow_local_media=allow_local_media,
            allow_private_addresses=allow_private_addresses,
            billing_project=billing_project,
        )
    )
    answers = [prober.submit(uri) for uri in uris]
    return check(policy, content, {answer.result().uri: answer.result() for answer in answers})
