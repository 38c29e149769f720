"""Which URIs are worth probing."""

from __future__ import annotations

import pytest

from beam_tuning.dataset.uri import Place, fault_of, place_of


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("gs://abc/o", Place.GCS),
        ("gs://example-bucket/a/b c/ü#?.mp4", Place.GCS),
        ("gs://a.b_c-d/o", Place.GCS),
        ("gs://example-bucket//double", Place.GCS),
        ("https://media.example.com", Place.HTTP),
        ("https://media.example.com:8443/a?b=c#d", Place.HTTP),
        ("http://[2001:db8::1]/a", Place.HTTP),
        ("http://127.0.0.1:8000/a", Place.HTTP),
        ("https://bücher.example/a", Place.HTTP),
        ("https://notyoutube.com/watch?v=1", Place.HTTP),
        ("clip.mp4", Place.LOCAL),
        ("/data/clip 1.mp4", Place.LOCAL),
        ("../clip.mp4", Place.LOCAL),
        ("file:///data/clip.mp4", Place.LOCAL),
        ("not a uri at all", Place.LOCAL),
    ],
)
def test_well_formed(uri: str, place: Place) -> None:
    assert place_of(uri) is place


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("gs://", "gs://bucket/object"),
        ("gs://bucket", "gs://bucket/object"),
        ("gs://bucket/", "gs://bucket/object"),
        ("gs://ab/o", "gs://bucket/object"),
        ("gs://Bucket/o", "gs://bucket/object"),
        ("gs://example_bucket_/o", "gs://bucket/object"),
        ("gs://example-bucket/line\nbreak", "gs://bucket/object"),
        ("gs://example-bucket/nul\x00", "gs://bucket/object"),
        ("gs:/example-bucket/o", "gs://bucket/object"),
        ("GS://example-bucket/o", "scheme GS"),
        ("http://", "http(s) address"),
        ("https:///path", "http(s) address"),
        ("https://user:secret@example.com/a", "http(s) address"),
        ("https://exa mple.com/", "http(s) address"),
        ("https://example.com/a b", "http(s) address"),
        ("https://example.com\\@evil.example/", "http(s) address"),
        ("https://example.com:port/", "http(s) address"),
        ("https://example.com/\x7f", "http(s) address"),
        ("https://www.youtube.com/watch?v=1", "YouTube"),
        ("https://YouTu.be/1", "YouTube"),
        ("s3://bucket/o", "scheme s3"),
        ("data:video/mp4;base64,AAAA", "scheme data"),
        ("javascript:alert(1)", "scheme javascript"),
        ("file://host/share", "another host"),
        ("C:\\clips\\one.mp4", "scheme C"),
        ("a" * 40 + "://x", "scheme " + "a" * 20 + ","),
        ("clip\x00.mp4", "no path"),
        ("", "is empty"),
        ("gs://example-bucket/" + "x" * 9000, "9,020 characters"),
    ],
)
def test_not_worth_probing(uri: str, fault: str) -> None:
    assert place_of(uri) is None
    assert fault in fault_of(uri)
