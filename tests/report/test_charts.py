"""The pictures: well-formed, themed by the page, without ids, with every limit drawn in."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import msgspec
import pytest
from report_documents import document_of

from beam_tuning.dataset.example import LineId
from beam_tuning.reasons import verdict_of
from beam_tuning.report.charts import Picture, media_pictures, run_pictures
from beam_tuning.report.document import Document
from beam_tuning.report.sections.distributions import distribution_pictures
from beam_tuning.report.shapes import Named
from beam_tuning.summary.judged_example import JudgedExample


@pytest.fixture(scope="module")
def pictures(document: Document) -> list[Picture]:
    return [*distribution_pictures(document), *media_pictures(document.media), *run_pictures(document.run)]


def texts(picture: Picture) -> list[str]:
    return [
        element.text or "" for element in ElementTree.fromstring(picture.svg).iter() if element.tag.endswith("text")
    ]


def test_all_are_there(pictures: list[Picture]) -> None:
    names = [picture.name for picture in pictures]
    assert names[:6] == ["video_length", "audio_length", "media_size", "tokens", "line_size", "text_chars"]
    assert set(names[6:]) >= {"outcomes", "containers", "video_codecs", "picture_sizes", "waited", "received"}


def test_markup_is_well_formed_and_without_ids_scripts_or_styles(pictures: list[Picture]) -> None:
    for picture in pictures:
        root = ElementTree.fromstring(picture.svg)
        for element in root.iter():
            assert not {"id", "style", "href", "onclick"} & set(element.attrib)
            assert element.tag.split("}")[-1] in {"svg", "g", "path", "line", "text", "rect"}
        assert "url(" not in picture.svg


def test_colours_come_from_the_page(pictures: list[Picture]) -> None:
    for picture in pictures:
        colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', picture.svg)) - {"none", "transparent"}
        assert colours
        assert all(colour.startswith("var(--") for colour in colours), (picture.name, colours)


def test_limits_and_splits_are_drawn(pictures: list[Picture]) -> None:
    (video,) = [picture for picture in pictures if picture.name == "video_length"]
    assert {"train", "validation", "5 min", "20 min"} <= set(texts(video))
    assert "var(--dropped)" in video.svg
    assert any(note.startswith("Limit: ") for note in video.notes)


def test_a_single_value_and_a_zero_can_be_drawn() -> None:
    examples = [
        JudgedExample(LineId("train", "a", n, n), size, verdict_of(()), (), text_chars=size)
        for n, size in enumerate((0, 7), 1)
    ]
    made = distribution_pictures(document_of(examples))
    assert [picture.name for picture in made] == ["line_size", "text_chars"]
    assert any("from 0 bytes to 7 bytes" in note for note in made[0].notes)


def test_nothing_counted_draws_nothing() -> None:
    empty = document_of([])
    assert distribution_pictures(empty) == []
    assert media_pictures(empty.media) == []
    assert run_pictures(empty.run) == []


def test_names_from_hostile_media_are_escaped(document: Document) -> None:
    hostile = '</text><script>x</script>"\u202e&amp;'
    codecs = [Named(name=hostile, count=2), Named(name=None, count=1)]
    media = msgspec.structs.replace(document.media, video_codecs=codecs)
    (picture,) = [one for one in media_pictures(media) if one.name == "video_codecs"]
    assert "<script" not in picture.svg
    assert any("⟨U+202E⟩" in note for note in picture.notes)
    assert "others" in texts(picture)


def test_many_names_are_put_together(document: Document) -> None:
    containers = [Named(name=f"c{n:02d}", count=100 - n) for n in range(30)]
    media = msgspec.structs.replace(document.media, containers=containers)
    (picture,) = [one for one in media_pictures(media) if one.name == "containers"]
    assert sum(text.startswith("c") for text in texts(picture)) == 10
    assert str(sum(100 - n for n in range(10, 30))) in "".join(texts(picture)).replace(",", "")
