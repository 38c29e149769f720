"""`report.html`: one page for people, made from the document alone.

The page asks nobody for anything: style, script and pictures stand in it, and a Content-Security-Policy with the hashes
of the style and the script forbids the rest. Media of samples may be played, when a person presses the button.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from beam_tuning.report import charts, wording
from beam_tuning.report.links import media_link, page_link

#: The page stays below this whatever the dataset: reasons show fewer samples until it does.
MOST_BYTES = 2_000_000
_ALL = sys.maxsize


def render_html(document: Mapping[str, Any]) -> str:
    """The page of a `report.json` document.

    Args:
      document: of the schema version that this version of beam_tuning writes.
    """
    template = _environment().get_template("page.html")
    css, script = _part("page.css"), _part("page.js")
    local_media = bool(document["options"].get("allow_local_media"))
    content = {
        "document": document,
        "css": Markup(css),  # noqa: S704  # our own file
        "script": Markup(script),  # noqa: S704  # our own file
        "policy": _policy(css, script, local_media),
        "local_media": local_media,
        "distributions": charts.distribution_pictures(document),
        "media": charts.media_pictures(document),
        "run": charts.run_pictures(document),
    }
    page = ""
    for samples in (_ALL, 8, 4, 2, 1, 0):
        page = template.render(content, samples_shown=samples)
        if len(page.encode()) <= MOST_BYTES:
            break
    return page


def _policy(css: str, script: str, local_media: bool) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(css)}'",
            f"script-src '{_hash(script)}'",
            "media-src https: http:" + (" file:" if local_media else ""),
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _part(name: str) -> str:
    return resources.files("beam_tuning.report").joinpath(name).read_text("utf-8")


def _by_code(findings: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for finding in findings:
        groups.setdefault(finding["code"], []).append(finding)
    return list(groups.values())


def _offset(offset_ns: int | None, where_absent: str) -> str:
    if offset_ns is None:
        return where_absent
    length = wording.length(abs(offset_ns) // 1_000_000)
    return length if offset_ns >= 0 else f"−{length}"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_part),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        by_code=_by_code,
        count=wording.count,
        share=wording.share,
        size=wording.size,
        value=wording.value,
        visible=lambda text: wording.visible(text).replace(" %", "\N{NO-BREAK SPACE}%"),
        first_of=lambda samples, most: samples[:most],
        percent=lambda value: f"{100 * value:.4g}%",
        page_link=page_link,
    )
    environment.globals.update(
        length=wording.length,
        limit_value=wording.limit_value,
        offset=_offset,
        media_link=media_link,
        number_range=wording.number_range,
        share_range=wording.share_range,
        usd_range=wording.usd_range,
        OUTCOMES=wording.OUTCOMES,
        STATES=wording.STATES,
    )
    return environment
