"""The section of what a repair did."""

from __future__ import annotations

import io
import json

import msgspec
from report_documents import NEW_MEDIA, OLD_MEDIA, repaired_document
from rich.console import Console

from beam_tuning.report.console import print_summary
from beam_tuning.report.document import read_document
from beam_tuning.report.html import render_html
from beam_tuning.report.json import encode_json


def test_the_document_says_what_was_done_and_what_is_left() -> None:
    repairs = repaired_document().repairs
    assert repairs is not None
    assert repairs.repaired_from == "gs://runs/checked"
    split = repairs.splits["train"]
    assert (split.kept_before, split.came_back, split.became, split.stayed) == (1, 1, 2, 1)
    assert [(row.code, row.examples) for row in repairs.edits] == [("REPAIR_CUT", 2), ("REPAIR_ROLE", 2)]
    assert [(row.code, row.examples) for row in repairs.left] == [("CONTENTS_EMPTY", 1)]


def test_the_document_is_read_as_it_was_written() -> None:
    made = repaired_document()
    assert read_document(encode_json(made), "here") == made


def test_the_page_plays_the_old_file_where_the_new_one_begins_and_the_new_one() -> None:
    page = render_html(repaired_document())
    assert 'src="https://storage.cloud.google.com/bucket/long.mp4#t=65,70"' in page
    assert 'src="https://storage.cloud.google.com/new/cut.mp4"' in page
    for words in ("[01:06]", "[00:01]", "CONTENTS_EMPTY", "gs://runs/checked", "assistant", "a role &lt;b&gt;"):
        assert words in page
    assert "a role <b>" not in page
    assert '<a href="#repairs">' in page


def test_the_terminal_says_how_many_came_back_and_as_how_many() -> None:
    said = io.StringIO()
    print_summary(repaired_document(), Console(file=said, width=120))
    assert "Repaired 1 of 2 examples came back, as 2: media were taken apart" in said.getvalue()
    said = io.StringIO()
    print_summary(repaired_document(repaired=False), Console(file=said, width=120))
    assert "Repaired" not in said.getvalue()


def test_local_media_are_linked_only_where_the_run_read_them() -> None:
    made = repaired_document()
    text = (
        encode_json(made).replace(OLD_MEDIA.encode(), b"/data/long.mp4").replace(NEW_MEDIA.encode(), b"/data/cut.mp4")
    )
    closed = read_document(text, "here")
    assert 'src="file:///data' not in render_html(closed)
    opened = msgspec.structs.replace(closed, options={**closed.options, "allow_local_media": True})
    assert 'src="file:///data/long.mp4#t=65,70"' in render_html(opened)


def test_a_run_that_is_no_repair_has_no_such_section() -> None:
    made = repaired_document(repaired=False)
    assert json.loads(encode_json(made))["repairs"] is None
    assert 'id="repairs"' not in render_html(made)
