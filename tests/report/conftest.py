"""A run's document, made once from generated examples."""

from __future__ import annotations

import pytest
from judged_examples import Generator
from report_documents import document_of

from beam_tuning.report.document import Document
from beam_tuning.summary.judged_example import JudgedExample


@pytest.fixture(scope="session")
def examples() -> list[JudgedExample]:
    return [*Generator(seed=5).examples(900), *Generator(seed=6).examples(100, split="validation", shards=1)]


@pytest.fixture(scope="session")
def document(examples: list[JudgedExample]) -> Document:
    return document_of(examples)
