"""Sources of media, each made once a session."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from edit_sources import SOUNDS, SOURCES
from numbered_media import numbered_media


@pytest.fixture(scope="session")
def source_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Path of a source by its name in `SOURCES` or `SOUNDS`."""
    folder = tmp_path_factory.mktemp("sources")

    def path_of(name: str) -> str:
        path = folder / name.replace(" ", "-")
        if not path.exists():
            path.write_bytes(_made(name))
        return str(path)

    return path_of


def _made(name: str) -> bytes:
    if name in SOURCES:
        container, options = SOURCES[name]
        return numbered_media(container, **options)
    container, encoder, _ = SOUNDS[name]
    return numbered_media(container, video=None, audio=encoder, duration_s=8)
