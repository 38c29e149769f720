"""The page of a reconciliation: whole, without a script, and inert whatever a job or a dataset says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fake_tuning import job_document
from finished_runs import make_run
from tuning_lines import encoded, example, text

from beam_tuning.cli import main

HOSTILE = (
    "<script>window.pwned=1</script>",
    "</style></script><script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=1>',
    "{{ 7 * 7 }}{% include 'x' %}{#",
    "a\u202etxt.exe\u2066",
    "\x1b[31mred\x07",
    "x" * 5000,
)


class Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Hostile text in every place that a text comes from: the dataset, its file names, and the job."""
    folder = tmp_path / "run <b>"
    lines = [encoded(example(text(one))) for one in HOSTILE]
    make_run(str(folder), {"train": {f"/d/{HOSTILE[2]}\u202e.jsonl": lines}})
    stats = {
        "tuningDatasetExampleCount": 7,
        "totalTruncatedExampleCount": 7,
        "truncatedExampleIndices": list(range(1, 8)),
        "droppedExampleReasons": list(HOSTILE),
    }
    job = job_document(
        state="JOB_STATE_FAILED",
        error={"code": 3, "message": HOSTILE[1]},
        baseModel=HOSTILE[0],
        tuningDataStats={"supervisedTuningDataStats": stats},
    )
    job["name"] = HOSTILE[2]
    (tmp_path / "job.json").write_text(json.dumps(job))
    assert main(["reconcile", str(folder), "--job", str(tmp_path / "job.json")]) == 3
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert "\u202e" not in printed.out
    return (folder / "reconcile.html").read_text()


def test_hostile_texts_stay_texts(page: str) -> None:
    parsed = Page(page)
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "form", "svg", "link", "base"}
    assert [tag for tag, _ in parsed.elements].count("style") == 1
    assert not [name for _, attributes in parsed.elements for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in parsed.elements if "style" in attributes]
    for one in (*HOSTILE[:4], HOSTILE[6]):
        assert one in parsed.text
    assert "49" not in re.findall(r"\d+", parsed.text.replace("7 * 7", ""))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", page)


def test_the_policy_allows_its_own_style_only(page: str) -> None:
    parsed = Page(page)
    (policy,) = [
        attributes["content"]
        for tag, attributes in parsed.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_ids_are_unique_and_every_anchor_has_its_place(page: str) -> None:
    parsed = Page(page)
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = {
        (attributes.get("href") or "")[1:]
        for tag, attributes in parsed.elements
        if tag == "a" and (attributes.get("href") or "").startswith("#")
    }
    assert anchors
    assert anchors <= set(ids)


def test_links_lead_to_web_addresses_only(tmp_path: Path) -> None:
    from tuning_lines import file, found_video

    from beam_tuning.media.info import ProbeResult

    uris = ["gs://example-bucket/a.mp4", "https://example.com/b.mp4"]
    media = {uri: ProbeResult(uri, found_video().media, found_video().object) for uri in uris}
    folder = tmp_path / "run"
    make_run(str(folder), {"train": {"/d/0.jsonl": [example(file(uri)) for uri in uris]}}, media)
    stats: dict[str, Any] = {"totalTruncatedExampleCount": 2, "truncatedExampleIndices": [1, 2]}
    (tmp_path / "job.json").write_text(
        json.dumps(job_document(tuningDataStats={"supervisedTuningDataStats": stats}, state="JOB_STATE_SUCCEEDED"))
    )
    assert main(["reconcile", str(folder), "--job", str(tmp_path / "job.json")]) == 3
    parsed = Page((folder / "reconcile.html").read_text())
    links = [str(attributes["href"]) for tag, attributes in parsed.elements if tag == "a"]
    assert [link for link in links if not link.startswith("#")] == [
        "https://storage.cloud.google.com/example-bucket/a.mp4",
        "https://example.com/b.mp4",
    ]
