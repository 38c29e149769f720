"""What a media URI says: the one place that parses them. The scan, the rules, the prober and the report's links use it.

URIs come from the dataset and are hostile. Nothing here does I/O, and nothing is raised.
"""

from __future__ import annotations

import re

from beam_tuning.media.stores.gcs import GcsStore
from beam_tuning.media.stores.http import HttpStore
from beam_tuning.media.stores.local import LocalStore
from beam_tuning.media.stores.store import Location, Refusal, Store

__all__ = ["MAX_URI_CHARS", "STORES", "Location", "Refusal", "locate"]

#: Longer than the signed URLs of the large stores (they stay below 4 KiB).
MAX_URI_CHARS = 8192
#: All stores, by scheme. A new store is a module beside the others and a line here.
STORES: dict[str, Store] = {
    scheme: store
    for store in (
        GcsStore(),
        HttpStore(),
        LocalStore(),
    )
    for scheme in store.schemes
}
#: https://www.rfc-editor.org/rfc/rfc3986#section-3.1
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_LONGEST_SHOWN_SCHEME_CHARS = 20


def locate(uri: str) -> Location | Refusal:
    """Where a URI leads, or why it leads nowhere. About a microsecond for an ordinary one.

    Schemes are compared without regard to case (RFC 3986, 3.1), but for stores that want theirs in lower case. A text
    without a scheme is the path of a file.
    """
    scheme, colon, _ = uri.partition(":")
    store = STORES.get(scheme) if colon else None
    if store is None or len(uri) > MAX_URI_CHARS or not uri.isascii():
        return _locate_odd(uri, scheme if colon else "")
    return store.parse(uri)


def _locate_odd(uri: str, scheme: str) -> Location | Refusal:
    if not uri:
        return Refusal("is empty")
    if len(uri) > MAX_URI_CHARS:
        return Refusal(f"has {len(uri):,} characters; at most {MAX_URI_CHARS:,} are read")
    if not _is_utf8(uri):
        return Refusal("has half of a surrogate pair, which is no text")
    if uri[0].isspace() or not uri[0].isprintable():
        return Refusal("starts with a blank or with a character that nobody sees")
    if not _SCHEME.fullmatch(scheme):
        return STORES["file"].parse(uri)
    store = STORES.get(scheme.lower())
    if store is not None:
        return store.parse(uri)
    return Refusal(f"has the scheme {scheme[:_LONGEST_SHOWN_SCHEME_CHARS]}, which no page says that tuning reads")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
