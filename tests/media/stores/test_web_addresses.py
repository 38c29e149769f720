"""A refusal speaks of the place where the file lies: a signature that has run out, the Files API, a web server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fault_server import FaultServer, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from store_fakes import NOW_UNIX_S, FakeClock, FakeResolver, failure_of

from beam_tuning.media.info import FailureKind
from beam_tuning.media.location import Location, locate
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.web_addresses import expiry_unix_s, is_signed, refusal_note


def located(url: str) -> Location:
    location = locate(url)
    assert isinstance(location, Location)
    return location


SIGNED = [
    # (URL, when it ends in seconds since 1970)
    (
        "https://storage.googleapis.com/b/o?X-Goog-Date=20231114T221300Z&X-Goog-Expires=10&X-Goog-Signature=ab",
        1699999990,
    ),
    ("https://storage.googleapis.com/b/o?GoogleAccessId=a&Expires=1699999999&Signature=ab%2F", 1699999999),
    ("https://b.s3.amazonaws.com/o?X-Amz-Date=20231114T221320Z&X-Amz-Expires=60&X-Amz-Signature=ab", 1700000060),
    ("https://b.s3.amazonaws.com/o?AWSAccessKeyId=a&Expires=1700000001&Signature=ab", 1700000001),
    ("https://d.cloudfront.net/o?Expires=1700000001&Signature=ab&Key-Pair-Id=K", 1700000001),
    ("https://a.blob.core.windows.net/c/o?sv=1&se=2023-11-14T22%3A13%3A20Z&sr=b&sig=ab", 1700000000),
    ("https://a.blob.core.windows.net/c/o?se=2023-11-14&sig=ab", 1699920000),
    ("https://media.example/o?X-GOOG-SIGNATURE=ab", None),
    ("https://media.example/o?X-Goog-Date=yesterday&X-Goog-Expires=10&X-Goog-Signature=ab", None),
    ("https://media.example/o?Signature=ab&Expires=" + "9" * 4000, None),
    ("https://media.example/o?Signature=ab&Expires=-1", None),
]


@pytest.mark.parametrize(("url", "ends"), SIGNED)
def test_signed_urls(url: str, ends: int | None) -> None:
    assert is_signed(located(url))
    assert expiry_unix_s(located(url)) == ends


@pytest.mark.parametrize(
    "url",
    [
        "https://media.example/o",
        "https://media.example/signature/o?x=1",
        "https://media.example/o?sig=1",
        "https://media.example/o?Expires=1700000001",
        "https://media.example/o?" + "&".join(f"a{i}=1" for i in range(500)) + "&Signature=a",
    ],
)
def test_urls_that_are_not_signed_or_not_like_any_that_is_made(url: str) -> None:
    assert not is_signed(located(url))


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("https://generativelanguage.googleapis.com/v1beta/files/abc-123", "Files API"),
        ("https://generativelanguage.googleapis.com/v1beta/files/abc:download?alt=media", "Files API"),
        ("https://generativelanguage.googleapis.com/download/v1beta/files/abc:download?alt=media", "Files API"),
        ("https://generativelanguage.googleapis.com/v1beta/models", "set on that web server"),
        (SIGNED[1][0], "signed and was valid until 2023-11-14 22:13 UTC"),
        (SIGNED[2][0], "signed and says that it is valid until 2023-11-14 22:14 UTC"),
        (SIGNED[7][0], "signed, and may have expired"),
        ("https://media.example/o?Signature=ab&Expires=999999999999", "signed, and may have expired"),
        ("https://storage.googleapis.com/bucket/o", "Write gs://bucket/object"),
        ("https://bucket.storage.googleapis.com/o", "Write gs://bucket/object"),
        ("https://storage.cloud.google.com/bucket/o", "Write gs://bucket/object"),
        ("https://notstorage.googleapis.com/o", "set on that web server"),
        ("https://media.example/generativelanguage.googleapis.com/v1beta/files/a", "set on that web server"),
    ],
)
def test_what_a_refusal_says(url: str, note: str) -> None:
    assert note in refusal_note(located(url), NOW_UNIX_S)


@given(st.text(max_size=60).map("https://media.example/?".__add__))
@settings(max_examples=200)
def test_any_query_can_be_looked_at(url: str) -> None:
    location = locate(url)
    if isinstance(location, Location):
        assert refusal_note(location, NOW_UNIX_S).isprintable()


@pytest.fixture
def refused_by(
    server: FaultServer, make_stores: Callable[..., Stores], clock: FakeClock
) -> Callable[[str, int], tuple[FailureKind, str]]:
    """How reading fails when media.example refuses with a status."""

    def refuse(path: str, status: int) -> tuple[FailureKind, str]:
        server.script(path.partition("?")[0], refusal(status))
        stores = make_stores(resolver=FakeResolver("127.0.0.1"))
        found = failure_of(stores.reader(f"http://media.example:{server.port}{path}"))
        return found.kind, found.message

    return refuse


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_a_web_server_is_no_matter_of_bucket_roles(
    refused_by: Callable[[str, int], tuple[FailureKind, str]], status: int
) -> None:
    kind, message = refused_by("/a", status)
    assert kind is FailureKind.FORBIDDEN
    assert "set on that web server; roles in Cloud Storage do not matter" in message


def test_a_signature_that_has_run_out_is_told_by_whatever_status(
    refused_by: Callable[[str, int], tuple[FailureKind, str]],
) -> None:
    query = "?Signature=ab&Expires=1699999999"
    for status in (400, 403):
        kind, message = refused_by("/a" + query, status)
        assert kind is FailureKind.FORBIDDEN
        assert "was valid until 2023-11-14 22:13 UTC" in message
    assert refused_by("/a", 400)[0] is FailureKind.SERVER_ERROR
    assert refused_by("/a?Signature=ab&Expires=1700000001", 400)[0] is FailureKind.SERVER_ERROR
