"""What is taken for a URI, and what is refused before anything is sent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.media.info import FailureKind
from beam_tuning.media.stores.store import StoreError
from beam_tuning.media.stores.uris import GcsObject, HttpUrl, LocalFile, Location, parse_uri


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("gs://bucket/a.wav", GcsObject("bucket", "a.wav")),
        ("GS://bucket/a/b/c.mp4", GcsObject("bucket", "a/b/c.mp4")),
        ("gs://my_bucket.example.com/x", GcsObject("my_bucket.example.com", "x")),
        ("gs://bucket/a b/ü#1?x=%20", GcsObject("bucket", "a b/ü#1?x=%20")),
        ("gs://bucket//a", GcsObject("bucket", "/a")),
        ("gs://bucket/../etc", GcsObject("bucket", "../etc")),
        ("https://media.example/a.mp4", HttpUrl(True, "media.example", 443, "/a.mp4")),
        ("http://media.example", HttpUrl(False, "media.example", 80, "/")),
        ("HTTPS://Media.Example.:8443/a?b=c#d", HttpUrl(True, "media.example", 8443, "/a?b=c")),
        ("http://bücher.example/ä?ö=%C3%A4", HttpUrl(False, "xn--bcher-kva.example", 80, "/%C3%A4?%C3%B6=%C3%A4")),
        ("http://[2001:DB8::1]:81/", HttpUrl(False, "2001:db8::1", 81, "/")),
        ("http://media.example/a%2Fb//../c;d=e", HttpUrl(False, "media.example", 80, "/a%2Fb//../c;d=e")),
        ("http://my_host/a", HttpUrl(False, "my_host", 80, "/a")),
        ("/data/a.wav", LocalFile("/data/a.wav")),
        ("data/a b.wav", LocalFile("data/a b.wav")),
        ("file:///data/a%20b.wav", LocalFile("/data/a b.wav")),
        ("file://localhost/data/a.wav", LocalFile("/data/a.wav")),
        ("file:/data/a.wav", LocalFile("/data/a.wav")),
    ],
)
def test_places(uri: str, location: Location) -> None:
    assert parse_uri(uri) == location


@pytest.mark.parametrize(
    "uri",
    [
        "", "gs://", "gs://bucket", "gs://bucket/", "gs:///a", "gs:bucket/a", "gs:/bucket/a", "gs://Bucket/a", "gs://b/a",
        "gs://user@bucket/a", "gs://bucket:80/a", "gs://buc ket/a", "gs://bucket/.", "gs://bucket/..", "gs://-bucket/a",
        "gs://bucket/" + "a" * 1025, "gs://bucket/" + "ü" * 513, "gs://bucket/a\nb", "gs://bucket/a\x00", "gs://bucket/\ud800",
        "http://", "http:///a", "http:/media.example/a", "http:media.example", "https://:443/", "http://media.example:0/",
        "http://media.example:65536/", "http://media.example:-1/", "http://media.example:abc/",
        "http://me dia.example/", "http://media.example/a b", " http://media.example/", "http://media.example/ ", "http://media.example/a\tb",
        "http://media.example/\r\nHost: other", "http://user@media.example/", "http://user:secret@media.example/",
        "http://@media.example/", "http://a\\@b/", "http://media.example\\x", "http://[::1", "http://[::1%25eth0]/",
        "http://[v1.x]/", "http://..../", "http://-a.example/", "http://a..b/", "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 130 + "b/", "http://a,b/", "http://a%41/", "http://<script>/",
        "http://media.example/" + "a" * 8192,
        "ftp://media.example/a", "s3://bucket/a", "data:audio/wav;base64,AAAA", "javascript:alert(1)", "about:blank",
        "c:\\a.wav",
        "blob:https://media.example/x", "urn:x", "ws://media.example/", "https+x://media.example/", "a:b",
        "file://other/data/a", "file:a.wav", "file://", "file:///", "file:///data/", "file:///a%00b", "file:///a%0Ab",
        "http://media.example/\u202egpj.wav", "http://\u2028/", "\ufeffhttp://media.example/",
    ],
)  # fmt: skip
def test_refused(uri: str) -> None:
    with pytest.raises(StoreError) as caught:
        parse_uri(uri)
    assert caught.value.failure.kind is FailureKind.UNSUPPORTED_URI
    assert not caught.value.failure.transient
    assert "secret" not in caught.value.failure.message


@given(
    st.text() | st.builds("{}://{}/{}".format, st.sampled_from(["http", "https", "gs", "file"]), st.text(), st.text())
)
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_place_or_refused(uri: str) -> None:
    try:
        location = parse_uri(uri)
    except StoreError:
        return
    if isinstance(location, HttpUrl):
        assert location.host.isascii()
        assert location.target.isascii()
        assert location.target.startswith("/")
        assert not set(location.host + location.target) & set(" \r\n\t\\")
        assert "@" not in location.host
        assert 1 <= location.port <= 65535
