"""Looking for Google Cloud credentials before a function of the interface needs them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from beam_tuning.commands import signing_in

_LOGGER = logging.getLogger("beam_tuning")


def sign_in(paths: Iterable[str], *, uses_beam: bool = False) -> None:
    """Warns once, through `logging`, when a path lies on Cloud Storage and nobody is signed in.

    Raises:
      UsageError: there are credentials, and they cannot be used.
    """
    signing_in.sign_in(paths, uses_beam=uses_beam, tell=_LOGGER.warning)
