"""Beam without credentials, at once.

Beam's own lookup asks google-auth five times and sleeps 20 s and more in between, with a traceback as a warning each
time, before it goes on without credentials. It has no option for that; its answer is kept in a private class, which is
given here. Tests hold this to the pinned Beam.
"""

from __future__ import annotations

from apache_beam.internal.gcp import auth


def use_no_credentials() -> None:
    """Beam's clients in this process read and write without credentials from now on."""
    kept = auth._Credentials
    with kept._credentials_lock:
        kept._credentials, kept._credentials_init = None, True


def look_for_credentials_again() -> None:
    """Beam looks when it next needs credentials, unless it has some."""
    kept = auth._Credentials
    with kept._credentials_lock:
        if kept._credentials is None:
            kept._credentials_init = False
