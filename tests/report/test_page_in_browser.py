"""The page in a real Chromium: from disk, without network, in light and dark, on a phone and on a wide screen."""

from __future__ import annotations

import json
import re
import shutil
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import MARK, hostile_examples
from judged_examples import known
from report_documents import document_of, repaired_document, run_settings

from beam_tuning.dataset.example import LineId, MediaPart, Segment
from beam_tuning.media.info import MediaKind
from beam_tuning.reasons import Finding, Reason, Verdict
from beam_tuning.report.document import Document
from beam_tuning.report.html import render_html
from beam_tuning.summary.judged_example import JudgedExample

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
expect.set_options(timeout=100_000)  # ms; the page's policy forbids scripts that wait in it
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTHS_PX = (375, 1024, 1920)
SCHEMES = ("light", "dark")


class OpenPage:
    """A page with everything that the browser complained of or asked the network for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.requests.append(request.url))

    @property
    def overflow_px(self) -> int:
        overflow: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return overflow


Opener = Callable[..., OpenPage]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as manager:
        started = manager.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Opener]:
    """Opens pages, and closes them after the test: each has a process of its own."""
    contexts = []

    def opened(path: Path, width_px: int = 1024, scheme: str = "light", **context: Any) -> OpenPage:
        size = {"width": width_px, "height": 900}
        made = browser.new_context(viewport=size, color_scheme=scheme, offline=True, **context)
        contexts.append(made)
        opened_page = OpenPage(made.new_page())
        opened_page.page.goto(path.as_uri())
        return opened_page

    yield opened
    for made in contexts:
        made.close()


@pytest.fixture(scope="module")
def report(document: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(document))
    return path


@pytest.fixture(scope="module")
def repaired_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "repaired.html"
    path.write_text(render_html(repaired_document()))
    return path


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "hostile.html"
    path.write_text(render_html(document_of(hostile_examples(), run_settings(output="gs://b/<script>\u202e"))))
    return path


def unfold(opened: OpenPage) -> None:
    opened.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


@pytest.mark.parametrize("width_px", WIDTHS_PX)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_opens_without_network_complaint_or_overflow(
    open_page: Opener, report: Path, width_px: int, scheme: str
) -> None:
    opened = open_page(report, width_px, scheme)
    assert opened.overflow_px <= 0
    unfold(opened)
    assert opened.overflow_px <= 0
    assert opened.complaints == []
    assert opened.requests == [report.as_uri()]


def test_dark_and_light_differ_and_pictures_follow(open_page: Opener, report: Path) -> None:
    def colours(scheme: str) -> list[str]:
        page = open_page(report, 1024, scheme).page
        found: list[str] = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor,"
            " getComputedStyle(document.querySelector('.chart path[fill*=kept]')).fill]"
        )
        return found

    (light_page, light_bar), (dark_page, dark_bar) = colours("light"), colours("dark")
    assert light_page != dark_page
    assert light_bar != dark_bar
    assert light_bar.startswith("rgb")


@pytest.mark.parametrize(("width_px", "scheme"), [(375, "light"), (1024, "dark")])
def test_axe_finds_nothing_serious(open_page: Opener, report: Path, width_px: int, scheme: str) -> None:
    opened = open_page(report, width_px, scheme, bypass_csp=True)
    unfold(opened)
    found = axe.Axe().run(opened.page)
    serious = [
        (violation["id"], [node["target"] for node in violation["nodes"]][:3])
        for violation in found.response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("width_px", WIDTHS_PX)
def test_what_a_repair_did_fits_every_screen_and_shows_old_and_new(
    open_page: Opener, repaired_report: Path, width_px: int
) -> None:
    opened = open_page(repaired_report, width_px, bypass_csp=True)
    unfold(opened)
    assert opened.overflow_px <= 0
    assert opened.complaints == []
    sources = [one.get_attribute("src") for one in opened.page.locator("#repairs video").all()]
    assert len(sources) >= 2
    assert sources[0].endswith("#t=65,70")
    found = axe.Axe().run(opened.page, context="#repairs")
    assert [one["id"] for one in found.response["violations"] if one["impact"] in ("serious", "critical")] == []


def shown_reasons(opened: OpenPage) -> list[str]:
    codes: list[str] = opened.page.locator("[data-reason]:visible th code").all_inner_texts()
    return codes


def test_filters_narrow_the_reasons(open_page: Opener, report: Path, document: Document) -> None:
    opened = open_page(report)
    everything = [reason.code for reason in document.reasons]
    assert shown_reasons(opened) == everything

    opened.page.fill("[name=words]", "did not answer")
    assert shown_reasons(opened) == ["MEDIA_TIMED_OUT"]
    assert opened.page.inner_text("#found") == f"1 of {len(everything)} reasons"

    opened.page.fill("[name=words]", "")
    opened.page.select_option("[name=outcome]", "drops-example")
    assert opened.page.locator("[data-group]:visible").count() == 1
    assert shown_reasons(opened) == [row.code for row in document.reasons if row.outcome == "drops-example"]

    opened.page.click("button[type=reset]")
    expect(opened.page.locator("#found")).to_have_text(re.compile(rf"{len(everything)} of .*"))
    assert shown_reasons(opened) == everything

    opened.page.select_option("[name=split]", "validation")
    unfold(opened)
    assert opened.page.locator("li[data-split=validation]:visible").count() > 0
    assert opened.page.locator("li[data-split=train]:visible").count() == 0

    opened.page.fill("[name=words]", "no such words anywhere")
    assert shown_reasons(opened) == []
    assert opened.page.locator("[data-group]:visible").count() == 0
    assert opened.complaints == []


def test_everything_but_filtering_works_without_script(open_page: Opener, report: Path) -> None:
    opened = open_page(report, java_script_enabled=False)
    assert not opened.page.locator("#filters").is_visible()
    assert opened.page.locator("[data-reason]").first.is_visible()
    opened.page.locator("[data-reason] summary").first.click()
    assert opened.page.locator(".samples li").first.is_visible()


def test_the_keyboard_reaches_samples(open_page: Opener, report: Path) -> None:
    opened = open_page(report)
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("document.activeElement.className") == "skip"
    opened.page.locator("[data-reason] summary").first.focus()
    opened.page.keyboard.press("Enter")
    assert opened.page.locator(".samples li").first.is_visible()


def test_a_hostile_dataset_runs_nothing(open_page: Opener, hostile_report: Path) -> None:
    for width_px in WIDTHS_PX:
        opened = open_page(hostile_report, width_px)
        unfold(opened)
        assert opened.page.evaluate(f"window.{MARK}") is None
        assert opened.complaints == []
        assert opened.requests == [hostile_report.as_uri()]
        assert opened.overflow_px <= 0
    body = opened.page.inner_text("main")
    assert f"<script>window.{MARK}=1</script>" in body
    assert "⟨U+202E⟩" in body


def test_the_policy_stops_what_slipped_through(open_page: Opener, report: Path, tmp_path: Path) -> None:
    """The second wall: even markup of the dataset's own would not run."""
    path = tmp_path / "broken.html"
    injected = f"<script>window.{MARK}=1</script><img src=x onerror='window.{MARK}=1'>"
    path.write_text(report.read_text().replace("<main>", f"<main>{injected}"))
    opened = open_page(path)
    assert opened.page.evaluate(f"window.{MARK}") is None
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)


def test_local_media_play_at_their_segment(open_page: Opener, tmp_path: Path) -> None:
    path = tmp_path / "a b#c.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16_000 * 4))
    part = MediaPart("p", "user", str(path), "audio/wav", MediaKind.AUDIO, Segment(2 * 10**9, 3 * 10**9))
    finding = (Finding(Reason.MIME_TYPE_MISMATCH, "Advice."),)
    example = JudgedExample(LineId("train", "a", 1, 0), 9, Verdict.KEPT, finding, (known(part),))
    page = tmp_path / "report.html"
    page.write_text(render_html(document_of([example], run_settings(options={"allow_local_media": True}))))
    opened = open_page(page)
    started_s, duration_s = opened.page.evaluate(
        "async () => { const one = document.querySelector('audio'); one.muted = true; await one.play();"
        " return [one.currentTime, one.duration]; }"
    )
    assert duration_s == pytest.approx(4.0)
    assert started_s >= 2.0
    assert opened.complaints == []


def test_commands_can_be_copied(open_page: Opener, report: Path) -> None:
    opened = open_page(report, permissions=["clipboard-read", "clipboard-write"])
    button = opened.page.locator("#next button.copy").first
    button.click()
    expect(opened.page.locator("#next button.copy").first).to_have_text("Copied")
    copied = opened.page.evaluate("navigator.clipboard.readText()")
    assert (
        copied == "beam-tuning repair gs://example-bucket/checked --output gs://example-bucket/checked-repaired --plan"
    )
    assert "  " not in copied
    assert "\n" not in copied
    opened.page.locator("#tuning-job button.copy").click()
    expect(opened.page.locator("#tuning-job button.copy").first).to_have_text("Copied")
    assert json.loads(opened.page.evaluate("navigator.clipboard.readText()"))["baseModel"] == "gemini-2.5-flash"
    assert opened.complaints == []


@pytest.mark.parametrize(("width_px", "told"), [(375, True), (1920, False)])
def test_a_table_that_is_wider_than_the_screen_says_so(
    open_page: Opener, report: Path, width_px: int, told: bool
) -> None:
    opened = open_page(report, width_px)
    hint = opened.page.locator("#what-if .hint").first
    assert hint.is_visible() == told
    opened.page.locator("#limits summary").click()
    hidden = opened.page.locator("#limits .hint").first
    expect(hidden).to_be_visible(visible=width_px <= 1000)  # the event comes after the click


def test_what_is_folded_for_the_screen_is_printed_and_swatches_keep_their_colour(
    open_page: Opener, report: Path
) -> None:
    page = open_page(report).page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.legend i')).printColorAdjust") == "exact"
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.reasons tbody[data-reason]')).breakInside") == "avoid"
    )
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#what-if .matrix").nth(1).is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.locator("#what-if .matrix").nth(1).is_visible()


def test_a_dark_screen_prints_on_white(open_page: Opener, report: Path) -> None:
    page = open_page(report, 1024, "dark").page
    page.emulate_media(media="print", color_scheme="dark")
    ink, paper = page.evaluate("(style => [style.color, style.backgroundColor])(getComputedStyle(document.body))")
    assert paper == "rgb(255, 255, 255)"
    assert max(int(part) for part in ink[4:-1].split(",")) < 80


def test_it_prints(open_page: Opener, report: Path) -> None:
    opened = open_page(report)
    opened.page.emulate_media(media="print")
    assert not opened.page.locator("header").is_visible()
    assert not opened.page.locator("#filters").is_visible()
    assert opened.page.pdf().startswith(b"%PDF")
