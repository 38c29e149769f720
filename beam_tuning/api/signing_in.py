"""Looking for Google Cloud credentials before a function of the interface needs them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from beam_tuning.sign_in import NOBODY_IS_SIGNED_IN, has_credentials, is_emulated

_LOGGER = logging.getLogger("beam_tuning")


def sign_in(paths: Iterable[str], *, uses_beam: bool = False) -> None:
    """Warns once, through `logging`, when a path lies on Cloud Storage and nobody is signed in.

    Raises:
      UsageError: there are credentials, and they cannot be used.
    """
    found = has_credentials(paths)
    if found is None:
        return
    if not found and not is_emulated():
        _LOGGER.warning(NOBODY_IS_SIGNED_IN)
    if uses_beam:
        from beam_tuning.transforms.anonymous import look_for_credentials_again, use_no_credentials

        (look_for_credentials_again if found else use_no_credentials)()
