"""pikepdf, which counts the pages of a PDF document that is held in memory.

The only file that imports pikepdf. It runs in a child process (`isolate.py`), for qpdf under it is native code, and a
document of a few kilobytes can ask for gigabytes. The page tree is walked, and what it holds must be what its root
declares (`/Count`): readers that believe the one differ from readers that believe the other where they disagree.

Specification: ISO 32000-2, 7.7.3 (page tree) and 7.5.4 (cross-reference table).
"""

from __future__ import annotations

import io

import msgspec
import pikepdf

from beam_tuning.media.native_messages import PageCountReading, PageCountRequest


def count_pages(document: bytes) -> PageCountReading:
    """The pages of a document. What qpdf would have to repair first is not counted."""
    try:
        with pikepdf.open(io.BytesIO(document), attempt_recovery=False, suppress_warnings=True) as pdf:
            declared = pdf.Root.Pages.get(pikepdf.Name.Count)
            pages = len(pdf.pages)
    except pikepdf.PasswordError:
        return PageCountReading(None, "the document opens with a password only")
    except MemoryError:
        return PageCountReading(None, "the document unfolds to more than a child process may hold")
    except (pikepdf.PdfError, AttributeError, KeyError, TypeError, ValueError, ArithmeticError, RuntimeError):
        return PageCountReading(None, "its cross-reference table or its page tree is damaged")
    if not isinstance(declared, int) or declared <= 0:
        return PageCountReading(None, "its page tree declares no number of pages")
    if declared != pages:
        return PageCountReading(None, f"its page tree declares {declared} pages and holds {pages}")
    return PageCountReading(pages)


def answer(request: bytes) -> bytes:
    """`count_pages` for a child process: both ends are MessagePack."""
    return msgspec.msgpack.encode(count_pages(msgspec.msgpack.decode(request, type=PageCountRequest).data))


if __name__ == "__main__":
    from beam_tuning.media.isolate import serve

    serve(answer)
