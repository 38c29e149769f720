"""PDF: pages counted right, or unknown with a reason. The bytes are made here; what readers differ on is unknown."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_driving import Driven, drive

from beam_tuning.media.containers import pdf
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.info import FailureKind, MediaKind, ProbeFailure
from beam_tuning.media.native_messages import PageCountRequest
from beam_tuning.media.page_count import count_pages

HEAD_BYTES = 64 * 1024


def document(pages: int, *, count: bytes | None = None, kids: bytes = b"", objects: tuple[bytes, ...] = ()) -> bytes:
    """A document of empty pages, written by hand: `/Count` and further `/Kids` may be anything."""
    references = b" ".join(b"%d 0 R" % number for number in range(3, 3 + pages))
    declared = b"%d" % pages if count is None else count
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %s /Kids [%s %s] >>" % (declared, references, kids),
        *([b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Resources << >> >>"] * pages),
        *objects,
    ]
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, table)
    return bytes(out)


def saved(pages: int, **options: object) -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(document(pages))) as source:
        source.save(target, **options)  # type: ignore[arg-type]
    return target.getvalue()


def driven(data: bytes) -> Driven:
    found = drive(pdf, data)
    assert (found.info.container, found.info.kind) == ("pdf", MediaKind.DOCUMENT)
    assert (found.info.pages is None) == (found.info.pages_unknown is not None)
    return found


@pytest.mark.parametrize("pages", [1, 2, 300, 301, 3000])
def test_pages_are_counted(pages: int) -> None:
    found = driven(document(pages))
    assert found.info.pages == pages
    assert found.requests == (1 if pages < 600 else 2)


WRITTEN: dict[str, Callable[[], bytes]] = {
    "object streams": lambda: saved(301, object_stream_mode=pikepdf.ObjectStreamMode.generate),
    "linearized": lambda: saved(301, linearize=True),
    "readable by anyone": lambda: saved(301, encryption=pikepdf.Encryption(owner="someone", user="")),
    "a byte order mark in front": lambda: b"\xef\xbb\xbf" + document(301),
    "a tree of three levels": lambda: nested(301),
    "updated": lambda: updated(),
}


def nested(pages: int) -> bytes:
    """A tree whose leaves hang on inner nodes of up to 20."""
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(document(pages))) as source:
        leaves, nodes = list(source.Root.Pages.Kids), []
        for first in range(0, pages, 20):
            kids = leaves[first : first + 20]
            node = pikepdf.Dictionary(Type=pikepdf.Name.Pages, Count=len(kids), Kids=pikepdf.Array(kids))
            nodes.append(source.make_indirect(node))
            for kid in kids:
                kid.Parent = nodes[-1]
        source.Root.Pages.Kids = pikepdf.Array(nodes)
        source.save(target)
    return target.getvalue()


def updated() -> bytes:
    """300 pages, and an update behind the first end that adds one."""
    first = document(300)
    objects = len(first)
    kids = b" ".join(b"%d 0 R" % number for number in [*range(3, 303), 303])
    tree = b"2 0 obj\n<< /Type /Pages /Count 301 /Kids [%s] >>\nendobj\n" % kids
    page = b"303 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Resources << >> >>\nendobj\n"
    table = objects + len(tree) + len(page)
    before = int(first[first.rindex(b"startxref") + 10 :].split()[0])
    rows = b"xref\n2 1\n%010d 00000 n \n303 1\n%010d 00000 n \n" % (objects, objects + len(tree))
    trailer = b"trailer << /Size 304 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (before, table)
    return first + tree + page + rows + trailer


@pytest.mark.parametrize("name", WRITTEN)
def test_documents_as_programs_write_them(name: str) -> None:
    assert driven(WRITTEN[name]()).info.pages == 301


UNKNOWN: dict[str, tuple[Callable[[], bytes], str]] = {
    "a password": (lambda: saved(5, encryption=pikepdf.Encryption(owner="a", user="b")), "opens with a password only"),
    "cut in the middle": (lambda: document(301)[:15_000], "is damaged"),
    "cut at the end": (lambda: document(301)[:-200], "is damaged"),
    "table elsewhere": (lambda: document(9).replace(b"startxref\n", b"startxref\n9"), "is damaged"),
    "fewer declared than there are": (lambda: document(301, count=b"5"), "declares 5 pages and holds 301"),
    "more declared than there are": (lambda: document(3, count=b"5000"), "declares 5000 pages and holds 3"),
    "none declared": (lambda: document(3, count=b"null"), "declares no number of pages"),
    "less than none declared": (lambda: document(3, count=b"-3"), "declares no number of pages"),
    "words declared": (lambda: document(3, count=b"(" + b"three" * 9999 + b")"), "declares no number of pages"),
    "half a page declared": (lambda: document(3, count=b"3.5"), "declares no number of pages"),
    "a tree that bites its tail": (lambda: document(3, kids=b"2 0 R"), "is damaged"),
    "a page twice": (lambda: document(3, kids=b"3 0 R"), "declares 3 pages and holds 4"),
    "no pages": (lambda: document(0), "declares no number of pages"),
    "no catalog": (lambda: document(3).replace(b"/Root 1 0 R", b"/Rxxt 1 0 R"), "is damaged"),
    "a catalog that is no dictionary": (
        lambda: document(3).replace(b"<< /Type /Catalog /Pages 2 0 R >>", b"[ 1 2 3 4 5 6 7 8 9 10 11 12 1 ]"),
        "damaged",
    ),
    "only a header": (lambda: b"%PDF-1.7\n", "is damaged"),
    "a header and noise": (lambda: b"%PDF-1.7\n" + bytes(range(256)) * 500, "is damaged"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_sure_is_unknown(name: str) -> None:
    make, words = UNKNOWN[name]
    found = driven(make())
    assert found.info.pages is None
    assert words in str(found.info.pages_unknown)
    assert len(str(found.info.pages_unknown)) < 200


def test_a_document_larger_than_the_service_takes_is_not_read() -> None:
    data = document(3) + bytes(21 << 20)
    found = driven(data)
    assert found.info.pages is None
    assert f"the document has {len(data)} bytes" in str(found.info.pages_unknown)
    assert found.requests == 1


def test_a_document_that_unfolds_without_end_is_unknown() -> None:
    # 1.5 MB that become 1.5 GB: more than the child may hold.
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    mebibyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = ((1536 << 20) % 65521) << 16 | 1
    bomb = b"\x78\xda" + mebibyte * 1536 + b"\x03\0" + checksum.to_bytes(4, "big")
    packed = b"/Filter /FlateDecode /Length %d >> stream\n%s\nendstream" % (len(bomb), bomb)
    stream, xref = b"<< /Type /ObjStm /N 1 /First 4 ", b"<< /Type /XRef /Size 6 /Root 1 0 R /W [1 2 1] "
    data = document(1, objects=(stream + packed, xref + packed))
    at = data.index(b"5 0 obj")
    data = data[: data.rindex(b"xref\n0")] + b"startxref\n%d\n%%%%EOF\n" % at
    # On a slow machine the child may be stopped before it says so.
    media = drive(pdf, data).media
    assert media.transient if isinstance(media, ProbeFailure) else media.pages is None
    # The child lives on, or another takes its place.
    assert driven(document(7)).info.pages == 7


@pytest.mark.parametrize("transient", [True, False])
def test_a_child_that_fails(transient: bool) -> None:
    failure = ProbeFailure(FailureKind.CRASHED, "Native code crashed.", transient)
    plan: Plan = pdf.plan(document(3), len(document(3)))
    assert next(plan) == PageCountRequest(document(3))
    with pytest.raises(StopIteration) as ended:
        plan.send(failure)
    if transient:
        assert ended.value.value == failure
    else:
        assert ended.value.value.pages is None
        assert ended.value.value.pages_unknown == failure.message


@settings(max_examples=60)
@given(
    places=st.lists(st.tuples(st.integers(0, 900), st.binary(min_size=1, max_size=12)), max_size=6),
    length=st.integers(1, 900),
)
def test_damaged_documents_are_right_or_unknown(places: list[tuple[int, bytes]], length: int) -> None:
    data = document(5)
    for at, value in places:
        data = data[:at] + value + data[at + len(value) :]
    for damaged in (data, data[:length]):
        if damaged and pdf.matches(damaged[:HEAD_BYTES]):
            pages = driven(damaged).info.pages
            assert pages is None or 0 < pages < 50


def test_the_count_itself() -> None:
    assert count_pages(document(12)).pages == 12
    assert count_pages(b"").pages is None
