"""docs/reasons.md is what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from beam_tuning.policy.catalogue import reasons_markdown
from beam_tuning.reasons import Reason

PAGE = Path(__file__).parents[2] / "docs" / "reasons.md"


def test_the_page_is_up_to_date() -> None:
    """To mend it: python -c 'from beam_tuning.policy.catalogue import *; print(reasons_markdown(), end="")' > FILE"""
    assert PAGE.read_text(encoding="utf-8") == reasons_markdown()


def test_every_reason_has_an_entry_with_its_remedy_and_source() -> None:
    page = reasons_markdown()
    for reason in Reason:
        entry = page.split(f"### {reason.code}\n")[1].split("###")[0]
        assert f"`{reason.outcome.value}`" in entry
        assert reason.message in entry
        assert reason.remedy in entry
        assert ("*tolerable*" in entry) == reason.tolerable
