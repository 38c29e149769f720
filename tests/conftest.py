"""Fixtures that tests of every package may use. Modules beside this file are importable by name."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator

import pytest
from fake_tuning import FakeTuning, running_fake_tuning
from gcs_emulator import GcsEmulator, running_gcs_emulator
from hypothesis import HealthCheck, settings

from beam_tuning.report import json
from beam_tuning.report.run import RunTimes

# The same examples in every run: a change either passes or it does not. HYPOTHESIS_PROFILE=search looks for new ones.
# No clock decides: on a busy machine an example may take any time.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", _UNTIMED, derandomize=True)
settings.register_profile("search", _UNTIMED, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


#: On this day the models of the tests were served.
_DAY = datetime.date(2026, 11, 26)


@pytest.fixture(scope="session", autouse=True)
def _no_model_retires() -> Iterator[None]:
    """A run of today is taken for one of a day that does not move: models retire, and tests must not fail of it."""
    day_of = json.day_of

    def day_that_stays(times: RunTimes) -> datetime.date:
        day = day_of(times)
        return _DAY if abs((day - datetime.datetime.now(datetime.UTC).date()).days) <= 1 else day

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json, "day_of", day_that_stays)
        yield


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


@pytest.fixture
def tuning(gcs: GcsEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTuning]:
    """A tuning service on loopback, to which the emulator's service account signs in as well."""
    with running_fake_tuning() as service:
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", service.url)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "emulator-project")
        yield service
