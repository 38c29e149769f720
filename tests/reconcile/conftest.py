"""A tuning service on loopback, with credentials that are good for nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_tuning import FakeTuning, running_fake_tuning
from gcs_emulator import GcsEmulator


@pytest.fixture
def tuning(gcs: GcsEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTuning]:
    """The emulator's service account signs in to the fake service as well."""
    with running_fake_tuning() as service:
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", service.url)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "emulator-project")
        yield service
