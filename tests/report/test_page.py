"""The page as text: what it says, that it asks nobody for anything, and that the dataset cannot leave its place."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hostile import MARK, hostile_examples
from judged_examples import Generator
from report_documents import document_of, run_settings

from beam_tuning.dataset.example import LineId
from beam_tuning.reasons import Finding, Reason, verdict_of
from beam_tuning.report.document import Document, read_document
from beam_tuning.report.html import MOST_BYTES, render_html
from beam_tuning.report.json import encode_json
from beam_tuning.summary.judged_example import JudgedExample


class Page(HTMLParser):
    """Elements and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="session")
def page(document: Document) -> Page:
    return Page(render_html(document))


@pytest.fixture(scope="session")
def hostile_page() -> Page:
    return Page(render_html(document_of(hostile_examples(), run_settings(model="gemini-3.5-flash"))))


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_top_says_what_becomes_of_the_dataset(page: Page, document: Document) -> None:
    text = one_line(page.text)
    train = document.splits["train"]
    assert "Not ready to tune" in text
    assert f"{train.kept} kept" in text
    assert f"{train.dropped} dropped" in text
    assert "Next" in text
    assert "beam-tuning show gs://example-bucket/checked --code" in text
    assert "above which the service fails the job" in text
    assert "Exit code 3" in text


def test_every_reason_stands_with_remedy_and_samples(page: Page, document: Document) -> None:
    text = one_line(page.text)
    for reason in document.reasons:
        assert reason.code in text
        assert reason.remedy.replace("`", "") in text
        sample = reason.samples[0]
        assert f"{sample.file}:{sample.line}" in text


def test_it_is_made_from_the_document_alone(document: Document) -> None:
    read_back = read_document(encode_json(document), "a folder")
    assert render_html(read_back) == render_html(document)


def test_nothing_is_fetched(page: Page) -> None:
    fetching = ("link", "img", "iframe", "object", "embed", "base", "source", "image", "use", "foreignobject")
    assert not [tag for tag, _ in page.elements if tag in fetching]
    assert all("src" not in attributes for attributes in page.all("script"))
    players = page.all("audio") + page.all("video")
    assert players
    assert all(player["preload"] == "none" and "autoplay" not in player for player in players)
    sources = [player["src"] or "" for player in players]
    assert all(source.startswith("https://storage.cloud.google.com/example-bucket/") for source in sources)
    assert any("#t=" in source for source in sources)


def test_the_policy_allows_the_pages_own_style_and_script_only(page: Page, document: Document) -> None:
    source = render_html(document)
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    # What the policy forbids is not there either.
    assert not [tag for tag, attributes in page.elements if "style" in attributes]


def test_ids_are_unique_and_every_anchor_has_its_place(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = {(link["href"] or "")[1:] for link in page.all("a") if (link.get("href") or "").startswith("#")}
    assert anchors <= set(ids)


def test_hostile_texts_stay_texts(hostile_page: Page) -> None:
    assert len(hostile_page.all("script")) == 1
    assert len(hostile_page.all("style")) == 1
    for tag, attributes in hostile_page.elements:
        assert tag not in ("img", "iframe")
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
    assert f"<script>window.{MARK}=1</script>" in hostile_page.text
    assert "{{ 7 * 7 }}" in hostile_page.text


def test_characters_that_change_direction_or_cannot_be_seen_are_spelled_out(hostile_page: Page) -> None:
    shown = hostile_page.text + "".join(
        str(value) for _, attributes in hostile_page.elements for value in attributes.values()
    )
    for hidden in "\u202e\u2066\u2069\u200f\u061c\x00\x1b\x85\u2028\ufeff":
        assert hidden not in shown
    assert "gpj.⟨U+202E⟩txt" in hostile_page.text


def test_only_web_addresses_become_links(hostile_page: Page) -> None:
    targets = [link.get("href") or "" for link in hostile_page.all("a")]
    targets += [player["src"] or "" for player in hostile_page.all("audio") + hostile_page.all("video")]
    assert targets
    for target in targets:
        assert target.startswith(("#", "https://", "http://")), target
        assert "evil.example" not in target
        assert not set(target) & set("\"'<> \\"), target


def test_a_large_dataset_makes_a_page_within_its_size() -> None:
    examples = []
    for number, reason in enumerate(list(Reason) * 40):
        text = f"{number} " + '"<&' * 100
        finding = Finding(reason, text, text, text, text)
        place = LineId("train" if number % 2 else "validation", text, number + 1, number)
        examples.append(JudgedExample(place, 9, verdict_of([finding]), (finding,), (), None, 9, None, text[:160]))
    page = render_html(document_of(examples))
    assert len(page.encode()) <= MOST_BYTES
    assert page.count("<li data-split") > 60
    assert all(reason.code in page for reason in Reason if reason.scope.value not in ("file", "dataset"))


@pytest.mark.parametrize(
    ("examples", "title"),
    [
        (list(Generator(seed=1).examples(0)), "Not ready to tune"),
        ([JudgedExample(LineId("train", "a", 1, 0), 9, verdict_of(()), (), text_chars=3)], "Ready to tune"),
    ],
)
def test_small_datasets_have_a_page_too(examples: list[JudgedExample], title: str) -> None:
    text = one_line(Page(render_html(document_of(examples, run_settings(splits=("train",))))).text)
    assert title in text


def test_a_dataset_that_cleaning_makes_ready() -> None:
    broken = (Finding(Reason.LINE_NOT_JSON, "x"),)
    examples = [JudgedExample(LineId("train", "a", n, n), 9, verdict_of(()), (), text_chars=3) for n in range(1, 30)]
    examples.append(JudgedExample(LineId("train", "a", 30, 30), 9, verdict_of(broken), broken))
    text = one_line(Page(render_html(document_of(examples, run_settings(splits=("train",))))).text)
    assert "Not ready as given, ready when cleaned" in text


def test_what_if_begins_with_the_runs_own_model_and_folds_the_others(document: Document) -> None:
    source = render_html(document)
    section = source.split('<section id="what-if">')[1].split("</section>")[0]
    first, folded = section.split("<details", 1)
    own = [model for model in run_settings().limits.models if f">{model}<" in first]
    assert own == ["gemini-2.5-flash"]
    others = [model for model in run_settings().limits.models if f">{model}<" in folded]
    removed = {"gemini-2.0-flash", "gemini-2.0-flash-lite"}
    assert set(others) == set(run_settings().limits.models) - {"gemini-2.5-flash"} - removed
    assert first.count("cleaned: ") == first.count("as given: ") == 4


def test_every_outcome_is_explained_where_it_stands(document: Document) -> None:
    section = render_html(document).split('<section id="reasons">')[1].split("<section")[0]
    for outcome in {reason.outcome for reason in document.reasons}:
        (group,) = re.findall(f'<tbody class="group" data-group="{outcome}">.*?</tbody>', section, re.DOTALL)
        assert outcome.meaning in group.replace("\N{NO-BREAK SPACE}", " ")


def test_shares_are_of_the_whole(document: Document) -> None:
    section = render_html(document).split('<section id="reasons">')[1].split("<section")[0]
    widths = re.findall(r'<rect class="(?!track)[a-z-]+" width="([0-9.e-]+)%" height', section)
    assert [float(width) for width in widths] == pytest.approx(
        [100 * reason.share for reason in document.reasons], rel=1e-3
    )


def test_limits_stand_with_their_values(page: Page) -> None:
    assert "Limit: 5 min (Video length at MEDIUM, Video length at HIGH)" in one_line(page.text)
    assert "Limit: 131,072 tokens" in one_line(page.text)


def test_lengths_of_samples_are_those_that_people_say() -> None:
    finding = Finding(Reason.VIDEO_TOO_LONG, "The video is too long.", "contents[0].parts[0]", 1261.0, 1200)
    example = JudgedExample(LineId("train", "a", 1, 0), 9, verdict_of([finding]), (finding,), text_chars=3)
    text = one_line(Page(render_html(document_of([example]))).text)
    assert "Observed 21 min 1 s, allowed 20 min" in text


def test_options_are_written_as_they_are_typed() -> None:
    options = {
        "train": ["a b.jsonl"],
        "output": "/data/out",
        "model": "m",
        "overwrite": True,
        "epochs": 1,
        "sarif": False,
    }
    text = one_line(
        Page(
            render_html(
                document_of([], run_settings(options=options, options_given=("train", "output", "overwrite", "model")))
            )
        ).text
    )
    assert "beam-tuning validate --train 'a b.jsonl' --output /data/out --overwrite --model m" in text
    assert "2 options with their default" in text
    assert "--epochs 1" in text
    assert "no --sarif" in text


def test_the_request_of_the_tuning_job_is_there(page: Page) -> None:
    assert '"trainingDatasetUri": "gs://example-bucket/checked/train.jsonl"' in page.text
    assert "not ready to tune yet" in one_line(page.text)


def test_what_has_nothing_to_show_is_not_in_the_navigation() -> None:
    made = Page(render_html(document_of([])))
    targets = {link["href"] for link in made.all("a")}
    assert "#media" not in targets
    assert "#distributions" not in targets
    assert "#verdict" in targets
