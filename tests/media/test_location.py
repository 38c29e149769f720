"""One parser says what a URI is, to all who ask: the scan, the rules, the prober and the report's links."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from hypothesis import example as also
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE_S
from tuning_lines import encoded, example, file, judged

from beam_tuning.dataset.scan import scan_line
from beam_tuning.dataset.uri import Place, fault_of, place_of
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ProbeFailure, ProbeResult
from beam_tuning.media.location import Location, Refusal, locate
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import Prober
from beam_tuning.media.stores import gcs, http
from beam_tuning.media.stores.store import ObjectReader, StoreError
from beam_tuning.reasons import Reason
from beam_tuning.report.links import media_link

_GCS = "https://storage.cloud.google.com"


def web(host: str, path: str = "/", port: int = 443, *, tls: bool = True) -> Location:
    return Location("http", host, path, port, tls)


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("gs://bucket/a.wav", Location("gs", "bucket", "a.wav")),
        ("gs://my_bucket.example.com/x", Location("gs", "my_bucket.example.com", "x")),
        ("gs://bucket/a b/ü#1?x=%20", Location("gs", "bucket", "a b/ü#1?x=%20")),
        ("gs://bucket//a", Location("gs", "bucket", "/a")),
        ("https://media.example/a.mp4", web("media.example", "/a.mp4")),
        ("http://media.example", web("media.example", port=80, tls=False)),
        ("HTTPS://Media.Example.:8443/a?b=c#d", web("media.example", "/a?b=c", 8443)),
        ("http://bücher.example/ä?ö=%C3%A4", web("xn--bcher-kva.example", "/%C3%A4?%C3%B6=%C3%A4", 80, tls=False)),
        ("http://[2001:DB8::1]:81/", web("2001:db8::1", port=81, tls=False)),
        ("http://media.example/a%2Fb//../c;d=e", web("media.example", "/a%2Fb//../c;d=e", 80, tls=False)),
        ("http://my_host/a", web("my_host", "/a", 80, tls=False)),
        ("/data/a.wav", Location("file", "", "/data/a.wav")),
        ("data/a b.wav", Location("file", "", "data/a b.wav")),
        ("a/b:c.wav", Location("file", "", "a/b:c.wav")),
        ("file:///data/a%20b.wav", Location("file", "", "/data/a b.wav")),
        ("file://localhost/data/a.wav", Location("file", "", "/data/a.wav")),
        ("file:/data/a.wav", Location("file", "", "/data/a.wav")),
        ("FILE:///data/a.wav", Location("file", "", "/data/a.wav")),
    ],
)
def test_where_a_uri_leads(uri: str, location: Location) -> None:
    assert locate(uri) == location


REFUSED = [
    "", "gs://", "gs://bucket", "gs://bucket/", "gs:///a", "gs:bucket/a", "gs:/bucket/a", "gs://Bucket/a", "gs://b/a",
    "gs://user@bucket/a", "gs://bucket:80/a", "gs://buc ket/a", "gs://bucket/.", "gs://bucket/..", "gs://-bucket/a",
    "gs://bucket/" + "a" * 1025, "gs://bucket/" + "ü" * 513, "gs://bucket/a\nb", "gs://bucket/a\x00", "gs://bucket/\ud800",
    "gs://bucket/.well-known/acme-challenge/x", "GS://bucket/a", "Gs://bucket/a", " gs://bucket/a", "\ngs://bucket/a",
    "http://", "http:///a", "http:/media.example/a", "http:media.example", "https://:443/", "http://media.example:0/",
    "http://media.example:65536/", "http://media.example:-1/", "http://media.example:abc/", "http://media.example:99999/",
    "http://me dia.example/", "http://media.example/a b", " http://media.example/", "http://media.example/ ",
    "http://media.example/a\tb", "http://media.example/\r\nHost: other", "http://media.example/\x7f",
    "http://user@media.example/", "http://user:secret@media.example/", "http://@media.example/", "http://a\\@b/",
    "http://media.example\\x", "http://[::1", "http://[::1%25eth0]/", "http://[v1.x]/", "http://..../", "http://-a.example/",
    "http://a..b/", "http://" + "a" * 64 + ".example/", "http://" + "a." * 130 + "b/", "http://a,b/", "http://a%41/",
    "http://<script>/", "http://media.example/" + "a" * 8192,
    "ftp://media.example/a", "s3://bucket/a", "data:audio/wav;base64,AAAA", "javascript:alert(1)", "about:blank",
    "c:\\a.wav", "blob:https://media.example/x", "urn:x", "ws://media.example/", "https+x://media.example/", "a:b",
    "file://other/data/a", "file:a.wav", "file://", "file:///", "file:///data/", "file:///a%00b", "clip\x00.mp4",
    " clip.mp4", "\ud800.mp4", "http://media.example/\u202egpj.wav", "http://\u2028/", "\ufeffhttp://media.example/",
]  # fmt: skip


@pytest.mark.parametrize("uri", REFUSED)
def test_what_leads_nowhere(uri: str) -> None:
    location = locate(uri)
    assert isinstance(location, Refusal)
    assert location.fault.startswith(("is ", "has ", "starts "))
    assert not location.fault.endswith(".")
    assert "secret" not in location.fault
    assert location.fault.isprintable()


#: URIs that three parsers once saw differently, with what is right: where they lead, whether the scan names them to the
#: prober, and the link in the report. The sources of the rules stand beside the code that follows them.
ODD: list[tuple[str, Location | None, Place | None, str | None]] = [
    # Cloud Storage: a name is any Unicode without line breaks, but for `.` and `..`; its tools know `gs://` only.
    ("GS://bucket/o", None, None, None),
    ("gs://b/.", None, None, None),
    ("gs://bucket/.", None, None, None),
    ("gs://bucket/..", None, None, None),
    ("gs://bucket/../x", Location("gs", "bucket", "../x"), Place.GCS, None),  # browsers take `..` for the way up
    ("gs://bucket/a/./b", Location("gs", "bucket", "a/./b"), Place.GCS, None),
    ("gs://bucket/..a/b..", Location("gs", "bucket", "..a/b.."), Place.GCS, f"{_GCS}/bucket/..a/b.."),
    ("gs://bucket/a\tb", Location("gs", "bucket", "a\tb"), Place.GCS, f"{_GCS}/bucket/a%09b"),
    ("gs://bucket/\u202eb", Location("gs", "bucket", "\u202eb"), Place.GCS, f"{_GCS}/bucket/%E2%80%AEb"),
    ("gs://bucket/o ", Location("gs", "bucket", "o "), Place.GCS, f"{_GCS}/bucket/o%20"),
    (" gs://bucket/o", None, None, None),
    ("gs://bucket/a\nb", None, None, None),
    ("gs://bucket/" + "a" * 1025, None, None, None),
    ("gs://bucket/.well-known/acme-challenge/x", None, None, None),
    # RFC 3986: schemes and hosts without regard to case, an empty port is the usual one, ports are 16 bits.
    ("HTTPS://Media.Example/A", web("media.example", "/A"), Place.HTTP, "https://media.example/A"),
    ("https://media.example:99999/a", None, None, None),
    ("https://media.example:0/a", None, None, None),
    ("https://media.example:/a", web("media.example", "/a"), Place.HTTP, "https://media.example/a"),
    ("https://media.example:0443/a", web("media.example", "/a"), Place.HTTP, "https://media.example/a"),
    ("https://media.example?x=1", web("media.example", "/?x=1"), Place.HTTP, "https://media.example/?x=1"),
    ("https://media.example/a b", None, None, None),
    ("https://media.example/a\\b", None, None, None),
    ("https://media.example/\u202ea", None, None, None),
    ("https://media.example/\x85", None, None, None),
    (" https://media.example/", None, None, None),
    ("https://a,b/", None, None, None),
    ("https://..../", None, None, None),
    ("https://bücher.example/", web("xn--bcher-kva.example"), Place.HTTP, "https://xn--bcher-kva.example/"),
    ("http://127.1/", web("127.1", port=80, tls=False), Place.HTTP, "http://127.1/"),
    # A page with a video is a web address like any other, and nothing that tuning reads.
    ("https://youtu.be/x", web("youtu.be", "/x"), None, "https://youtu.be/x"),
    # RFC 8089: with and without the name of this machine, or without any authority.
    ("FILE:///data/a", Location("file", "", "/data/a"), Place.LOCAL, "file:///data/a"),
    ("file:/data/a", Location("file", "", "/data/a"), Place.LOCAL, "file:///data/a"),
    ("file://localhost/data/a", Location("file", "", "/data/a"), Place.LOCAL, "file:///data/a"),
    ("file:///data/", None, None, None),
    ("file://host/a", None, None, None),
    ("clip\nb.mp4", Location("file", "", "clip\nb.mp4"), Place.LOCAL, None),
    ("/clip \u202e.mp4", Location("file", "", "/clip \u202e.mp4"), Place.LOCAL, "file:///clip%20%E2%80%AE.mp4"),
    ("a:b.mp4", None, None, None),
    ("s3://bucket/o", None, None, None),
]


class NotingStores:
    """Takes note of what the prober would read."""

    def __init__(self) -> None:
        self.asked: list[Location] = []

    def reader_at(self, location: Location) -> ObjectReader:
        self.asked.append(location)
        raise StoreError(FailureKind.NOT_FOUND, "noted")

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def noting() -> Iterator[tuple[NotingStores, Prober]]:
    stores = NotingStores()
    with Prober(ProbeOptions(threads=1), stores=stores) as prober:  # type: ignore[arg-type]
        yield stores, prober


@pytest.mark.parametrize(("uri", "location", "place", "link"), ODD, ids=[repr(row[0])[:40] for row in ODD])
def test_scan_rules_prober_and_links_agree(
    uri: str, location: Location | None, place: Place | None, link: str | None, noting: tuple[NotingStores, Prober]
) -> None:
    located = locate(uri)
    assert located == location or (location is None and isinstance(located, Refusal))

    line = example(file(uri))
    assert place_of(uri) is place
    assert scan_line(encoded(line)).uris == ((uri,) if place else ())

    probed = {uri: ProbeResult(uri, MediaInfo("mp4", MediaKind.VIDEO, duration_s=1.0))}
    unsupported = [found for found in judged(line, probed).findings if found.reason is Reason.FILE_URI_UNSUPPORTED]
    assert bool(unsupported) == (place not in (Place.GCS, Place.HTTP))
    if place is None:
        assert unsupported[0].message.endswith(fault_of(uri))

    stores, prober = noting
    stores.asked.clear()
    answer: Future[ProbeResult] = prober.submit(uri)
    media = answer.result(timeout=PATIENCE_S).media
    assert isinstance(media, ProbeFailure)
    assert stores.asked == ([] if location is None else [location])
    if isinstance(located, Refusal):
        assert (media.kind, media.message) == (FailureKind.UNSUPPORTED_URI, f"The URI {located.fault}.")

    shown = media_link(uri, local=True)
    assert (shown.href if shown else None) == link


_ANY_URI = st.text() | st.builds(
    "{}{}{}".format,
    st.sampled_from(["http://", "https://", "gs://", "file://", "GS:", "gs:", "HTTP://", " gs://", "s3://", ""]),
    st.sampled_from(["bucket", "media.example", "Media.Example:80", "[::1]", "a" * 70, "b_c-d.e"])
    | st.text(max_size=20),
    st.sampled_from(["", "/", "?"]).flatmap(lambda start: st.text(max_size=40).map(start.__add__)),
)


@given(_ANY_URI)
@settings(max_examples=500)
@also("gs://bucket/\ud800")
@also("https://media.example/a\udfff")
def test_any_text_leads_somewhere_or_is_refused(uri: str) -> None:
    location = locate(uri)
    assert (place_of(uri) is None) or isinstance(location, Location)
    if isinstance(location, Refusal):
        assert fault_of(uri) == location.fault
        assert media_link(uri, local=True) is None
    elif location.store == "http":
        assert location.host.isascii()
        assert location.path.isascii()
        assert location.path.startswith("/")
        assert not set(location.host + location.path) & set(" \r\n\t\\")
        assert "@" not in location.host
        assert 1 <= location.port <= 65535
    elif location.store == "gs":
        assert uri == f"gs://{location.host}/{location.path}"
        assert 1 <= len(location.path.encode()) <= 1024


_printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)


@given(
    st.builds("gs://{}/{}".format, st.from_regex(r"[a-z0-9._-]{1,65}", fullmatch=True), _printable)
    | st.builds(
        "{}://{}{}/{}".format,
        st.sampled_from(["http", "https"]),
        st.from_regex(r"[a-z0-9._-]{1,65}", fullmatch=True),
        st.sampled_from(["", ":", ":1", ":80", ":443", ":9999", ":65535", ":0"]),
        _printable,
    )
)
@settings(max_examples=500)
def test_the_fast_path_gives_what_the_long_one_gives(uri: str) -> None:
    slow = gcs.parse_uri(uri) if uri.startswith("gs") else http.parse_url(uri)
    assert locate(uri) == slow
