"""Looking for Google Cloud credentials before a command needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def sign_in(paths: Iterable[str], *, uses_beam: bool, tell: Callable[[str], None] | None = None) -> None:
    """Says in one line when a path lies on Cloud Storage and nobody is signed in; then the command goes on without.

    Args:
      tell: says the line; standard error when not given.
      uses_beam: whether the command reads and writes through Beam, which would look again and again by itself.

    Raises:
      UsageError: there are credentials, and they cannot be used.
    """
    from beam_tuning.commands.terminal import console_for_people
    from beam_tuning.sign_in import NOBODY_IS_SIGNED_IN, has_credentials, is_emulated

    found = has_credentials(paths)
    if found is None:
        return
    if not found and not is_emulated():
        (tell or console_for_people(as_json=True).print)(NOBODY_IS_SIGNED_IN)
    if uses_beam:
        from beam_tuning.transforms.anonymous import look_for_credentials_again, use_no_credentials

        (look_for_credentials_again if found else use_no_credentials)()
