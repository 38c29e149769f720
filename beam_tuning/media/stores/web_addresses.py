"""Web addresses of which more is known than their host: signed URLs, the Files API, Cloud Storage without `gs://`.

Used for what a refusal means; by its form alone an address is none of these for sure.
"""

from __future__ import annotations

import datetime
import re
from urllib.parse import parse_qs

from beam_tuning.media.stores.store import Location

#: https://ai.google.dev/api/files: the resource name of a file is files/ID.
_FILES_API_HOST = "generativelanguage.googleapis.com"
_FILES_API_PATH = re.compile(r"/(?:(?:upload|download)/)?v[0-9a-z]+/files/")
#: https://docs.cloud.google.com/storage/docs/request-endpoints: path and virtual-host style; the last one is for
#: browsers with a cookie.
_GCS_HOSTS = re.compile(r"(?:.+\.)?storage\.googleapis\.com|storage\.cloud\.google\.com")
#: `20260131T235959Z`, as V4 signatures of Google and AWS write the moment of signing.
_BASIC_DATE = "%Y%m%dT%H%M%SZ"
_LONGEST_NUMBER = 12


def refusal_note(location: Location, now_unix_s: float) -> str:
    """Why an address that was refused may have been, as sentences; a plain web server's is last.

    Args:
      location: of a URL.
      now_unix_s: seconds since 1970.
    """
    if location.host == _FILES_API_HOST and _FILES_API_PATH.match(location.path):
        # https://ai.google.dev/gemini-api/docs/files: files are kept for 48 hours, and belong to a project.
        return (
            "The address is one of the Gemini API's Files API, which gives files to the project that uploaded them, "
            "with its key, and for 48 hours. Copy the media into a Cloud Storage bucket."
        )
    if is_signed(location):
        return f"The URL is signed{_validity(location, now_unix_s)}. Sign a new one, or write where the object lies."
    if _GCS_HOSTS.fullmatch(location.host):
        return "URLs are read without signing in. Write gs://bucket/object for an object that is not public."
    return "Who may read there is set on that web server; roles in Cloud Storage do not matter."


def is_signed(location: Location) -> bool:
    """Whether the query of a URL holds a signature, after which it is of no use.

    Google: https://docs.cloud.google.com/storage/docs/authentication/signatures; AWS:
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html (V4), CloudFront and V2: Signature and
    Expires; Azure: https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas (sig, se).
    """
    names = _query(location).keys()
    return bool(names & {"x-goog-signature", "x-amz-signature"}) or {"signature"} <= names or {"sig", "se"} <= names


def expiry_unix_s(location: Location) -> float | None:
    """When a signed URL ends to be valid, in seconds since 1970; None when it does not say."""
    query = _query(location)
    for prefix in ("x-goog", "x-amz"):
        signed = _moment(query.get(f"{prefix}-date"), _BASIC_DATE)
        lasts_s = _number(query.get(f"{prefix}-expires"))
        if signed is not None and lasts_s is not None:
            return signed + lasts_s
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d"):
        if (ends := _moment(query.get("se"), form)) is not None:
            return ends
    return _number(query.get("expires"))


def _validity(location: Location, now_unix_s: float) -> str:
    ends = expiry_unix_s(location)
    if ends is None:
        return ", and may have expired"
    try:
        moment = datetime.datetime.fromtimestamp(ends, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return ", and may have expired"
    tense = "was valid until" if ends <= now_unix_s else "says that it is valid until"
    return f" and {tense} {moment:%Y-%m-%d %H:%M} UTC"


def _query(location: Location) -> dict[str, str]:
    """The query's fields by lower-case name."""
    _, _, query = location.path.partition("?")
    try:
        return {name.lower(): values[0] for name, values in parse_qs(query, max_num_fields=100).items()}
    except ValueError:
        return {}


def _moment(text: str | None, form: str) -> float | None:
    try:
        return datetime.datetime.strptime(text or "", form).replace(tzinfo=datetime.UTC).timestamp()
    except ValueError:
        return None


def _number(text: str | None) -> float | None:
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return float(text) if text is not None and is_number else None
