"""Fixtures that every room's tests may use. Modules beside this file are importable by name."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from gcs_emulator import GcsEmulator, running_gcs_emulator
from hypothesis import settings

# The same examples in every run: a change either passes or it does not. HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)  # no clock: machines are busy
settings.register_profile("search", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def _session_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsEmulator]:
    # One for the whole session: Beam keeps the first credentials that it finds in a process.
    with running_gcs_emulator(tmp_path_factory.mktemp("gcs")) as emulator:
        yield emulator


@pytest.fixture
def gcs(_session_gcs: GcsEmulator, monkeypatch: pytest.MonkeyPatch) -> GcsEmulator:
    """An empty Cloud Storage emulator that this process, and those it starts, talk to."""
    for name, value in _session_gcs.environ.items():
        monkeypatch.setenv(name, value)
    # Not afterwards: Beam keeps its client, so that a test without this fixture may have asked the emulator too.
    _session_gcs.wipe()
    _session_gcs.requests.clear()
    return _session_gcs
