"""Links to media: right where they are sure, none where they are not."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.report.links import media_link, page_link

GCS = "https://storage.cloud.google.com"
S = 10**9


@pytest.mark.parametrize(
    ("uri", "href"),
    [
        ("gs://example-bucket/a.mp4", f"{GCS}/example-bucket/a.mp4"),
        ("gs://example-bucket/a b#c?d%e.mp4", f"{GCS}/example-bucket/a%20b%23c%3Fd%25e.mp4"),
        ("gs://example-bucket/日本/é.mp4", f"{GCS}/example-bucket/%E6%97%A5%E6%9C%AC/%C3%A9.mp4"),
        ("gs://example-bucket/a/../../other", None),
        ("gs://example-bucket/..a/b..", f"{GCS}/example-bucket/..a/b.."),
        ("https://example.com/a.mp4?x=1&y=%20z#old", "https://example.com/a.mp4?x=1&y=%20z"),
        ("http://example.com:8080/a%20b.mp4", "http://example.com:8080/a%20b.mp4"),
        ('https://example.com/a\'b(c)[d]{e}<f>"g".mp4', "https://example.com/a'b(c)%5Bd%5D%7Be%7D%3Cf%3E%22g%22.mp4"),
        ("http://example.com:8080/a b.mp4", None),
        ("http://[2001:db8::1]/a.mp4", "http://[2001:db8::1]/a.mp4"),
        ("gs://example-bucket", None),
        ("gs://example-bucket/", None),
        ("gs:///a.mp4", None),
        ("gs://Bucket/a.mp4", None),
        ("GS://example-bucket/a.mp4", None),
        ("javascript:alert(1)", None),
        ("data:audio/wav;base64,AAAA", None),
        ("file:///etc/passwd", None),
        ("/etc/passwd", None),
        ("//example.com/a.mp4", None),
        ("https://user:secret@example.com/a.mp4", None),
        ("https://example.com\\@evil.example/a", None),
        ("https://exa mple.com/a", None),
        ("https:///a.mp4", None),
        ("https://[::1/a", None),
        ("blob:https://example.com/1", None),
        ("", None),
    ],
)
def test_where_a_uri_leads(uri: str, href: str | None) -> None:
    link = media_link(uri)
    assert (link.href if link else None) == href


@pytest.mark.parametrize(
    ("uri", "href"),
    [
        ("/data/a b#c.mp4", "file:///data/a%20b%23c.mp4"),
        ("file:///data/a%20b.mp4", "file:///data/a%20b.mp4"),
        ("gs://example-bucket/a.mp4", f"{GCS}/example-bucket/a.mp4"),
        ("//evil.example/a.mp4", None),
        ("file:////evil.example/a.mp4", None),
        ("file:///%2Fevil.example/a.mp4", None),
        ("/\\evil.example/a.mp4", None),
        ("file://evil.example/a.mp4", None),
        ("\\\\evil.example\\a.mp4", None),
        ("a.mp4", None),
        ("javascript:alert(1)", None),
    ],
)
def test_local_media_lead_to_this_machine_only_and_only_when_wanted(uri: str, href: str | None) -> None:
    link = media_link(uri, local=True)
    assert (link.href if link else None) == href
    assert href is None or href.startswith("https://") or media_link(uri) is None


@pytest.mark.parametrize(
    ("start_ns", "end_ns", "fragment"),
    [
        (None, None, ""),
        (0, None, ""),
        (2 * S, 5 * S, "#t=2,5"),
        (1_500_000_000, None, "#t=1.5"),
        (None, 3 * S, "#t=0,3"),
        (1, 2, "#t=0.000000001,0.000000002"),
        (5 * S, 2 * S, "#t=5"),
        (-5 * S, 2 * S, "#t=0,2"),
        (-5 * S, -2 * S, ""),
    ],
)
def test_the_segment_is_played(start_ns: int | None, end_ns: int | None, fragment: str) -> None:
    link = media_link("gs://example-bucket/a.mp4", start_ns, end_ns)
    assert link
    assert link.src == f"{GCS}/example-bucket/a.mp4{fragment}"


@settings(max_examples=300)
@given(
    st.text(max_size=60)
    | st.text(max_size=30).map("gs://example-bucket/".__add__)
    | st.text(max_size=30).map("https://".__add__)
)
def test_a_link_is_always_a_plain_web_address(uri: str) -> None:
    link = media_link(uri, 1, 2)
    if link is not None:
        assert urlsplit(link.href).scheme in ("http", "https")
        assert urlsplit(link.href).hostname
        assert "@" not in urlsplit(link.href).netloc
        assert link.src.isascii()
        assert not set(link.src) & set("\"'<>\\ \n\t") - set("'")


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://example.com/page#part", "https://example.com/page#part"),
        ("http://example.com/", None),
        ("beam_tuning", None),
        ("javascript:alert(1)", None),
    ],
)
def test_sources_link_only_to_https(url: str, link: str | None) -> None:
    assert page_link(url) == link
