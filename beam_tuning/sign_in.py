"""Whether anybody is signed in to Google Cloud on this machine, found out once and told in one line."""

from __future__ import annotations

import os
from collections.abc import Iterable

from beam_tuning.errors import UsageError
from beam_tuning.media.stores.gcs import EMULATOR_VARIABLE

NOBODY_IS_SIGNED_IN = (
    "Nobody is signed in to Google Cloud on this machine, so only public objects can be read. "
    "To sign in: gcloud auth application-default login"
)
#: google-auth's own setting: there is no metadata server to ask. Child processes inherit it.
NO_METADATA_SERVER = "NO_GCE_CHECK"


def is_emulated() -> bool:
    """Whether an emulator stands for Cloud Storage; it asks nobody who they are."""
    return bool(os.environ.get(EMULATOR_VARIABLE))


def has_credentials(paths: Iterable[str]) -> bool | None:
    """Whether there are credentials for Cloud Storage; None when no path lies there.

    A machine without a metadata server never gets one: where the answer is no, nobody in this process or in one that it
    starts need look for it again. On Compute Engine and on Dataflow's workers the answer is yes.

    Raises:
      UsageError: there are credentials, and they cannot be used.
    """
    if not any(path.startswith("gs://") for path in paths):
        return None
    from beam_tuning.media.stores.credentials import NOBODY_IS_TOLD, find_credentials

    NOBODY_IS_TOLD.set()  # whoever asks here says it
    if is_emulated():
        os.environ.setdefault(NO_METADATA_SERVER, "true")
    try:
        credentials = find_credentials()
    except Exception as error:
        raise UsageError(
            "the Google Cloud credentials of this machine cannot be used",
            where=os.environ.get("GOOGLE_APPLICATION_CREDENTIALS") or "application default credentials",
            observed=(str(error).strip() or type(error).__name__).splitlines()[0],
            remedy="Run: gcloud auth application-default login; or set GOOGLE_APPLICATION_CREDENTIALS to a valid file.",
        ) from error
    if credentials is None:
        os.environ[NO_METADATA_SERVER] = "true"
    return credentials is not None
