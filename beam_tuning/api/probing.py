"""`beam_tuning.probe`: one look at a media file."""

from __future__ import annotations

import os

from beam_tuning.api.signing_in import sign_in
from beam_tuning.errors import BeamTuningError
from beam_tuning.media.info import MediaInfo, ProbeFailure
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import shared_prober
from beam_tuning.policy.rules.media_facts import reason_of


class MediaError(BeamTuningError):
    """A media file cannot be read, or is no media.

    Attributes:
      failure: why, in a form for programs.
    """

    exit_code = 3

    def __init__(self, what: str, *, where: str | None, remedy: str | None, failure: ProbeFailure) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.failure = failure

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.what, self.where, self.remedy, self.failure)


def _rebuild(what: str, where: str | None, remedy: str | None, failure: ProbeFailure) -> MediaError:
    return MediaError(what, where=where, remedy=remedy, failure=failure)


def probe(
    uri: str | os.PathLike[str], *, allow_private_addresses: bool = False, billing_project: str | None = None
) -> MediaInfo:
    """Says what a media file is, by its first bytes and a few more where they do not tell.

    Args:
      uri: a gs:// or http(s):// URI, or the path of a file on this machine.
      allow_private_addresses: whether an http(s):// host may have a private or loopback address.
      billing_project: pays for reading from a bucket that charges the reader (requester pays).

    Returns:
      Container, kind, length in seconds and streams, as the bytes say, not as a name or a MIME type does.

    Raises:
      MediaError: the file cannot be read, or is no media; `MediaError.failure` says why in a form for programs.
      UsageError: the Google Cloud credentials of this machine cannot be used.
    """
    name = os.fspath(uri)
    sign_in([name])
    options = ProbeOptions(
        allow_local_media=True,
        allow_private_addresses=allow_private_addresses,
        billing_project=billing_project,
    )
    media = shared_prober(options).submit(name).result().media
    if isinstance(media, ProbeFailure):
        reason = reason_of(media)
        message = f"{reason.code}: {media.message}"
        raise MediaError(message, where=ascii(name)[1:-1], remedy=reason.remedy, failure=media)
    return media
