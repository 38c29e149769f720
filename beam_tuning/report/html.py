"""`report.html`: one page for people, made from the document alone.

The page asks nobody for anything: style, script and pictures stand in it, and a Content-Security-Policy with the hashes
of the style and the script forbids the rest. Media of samples may be played, when a person presses the button.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from beam_tuning.report import wording
from beam_tuning.report.document import SECTIONS, Document
from beam_tuning.report.links import media_link, page_link
from beam_tuning.report.sections.section import Section

#: The page stays below this whatever the dataset: reasons then show fewer samples.
MOST_BYTES = 2_000_000
_ALL = sys.maxsize
#: A command between grave accents, or an option.
_TYPED = re.compile(r"(`[^`]+`|(?<![\w-])--[a-z_]+)")
#: Where templates lie: of the page as a whole, and of its sections.
_PACKAGES = ("beam_tuning.report", "beam_tuning.report.sections")


def render_html(document: Document) -> str:
    """The page of a document."""
    environment = page_environment()
    css, script = _part("page.css"), _part("page.js")
    local_media = bool(document.options.get("allow_local_media"))
    content = {"document": document, "local_media": local_media}
    contexts = {section.name: section.context(document) for section in SECTIONS}
    page = ""
    for samples in (_ALL, 8, 4, 2, 1, 0):
        rendered = [
            (section, _render(environment, section, {**content, **contexts[section.name], "samples_shown": samples}))
            for section in SECTIONS
        ]
        # What has nothing to show is not in the navigation either.
        parts = [(section, part) for section, part in rendered if part.strip()]
        page = environment.get_template("page.html").render(
            content,
            sections=parts,
            css=Markup(css),  # noqa: S704  # our own file
            script=Markup(script),  # noqa: S704  # our own file
            policy=_policy(css, script, local_media),
        )
        if len(page.encode()) <= MOST_BYTES:
            break
    return page


def _render(environment: jinja2.Environment, section: Section, content: Mapping[str, Any]) -> Markup:
    return Markup(environment.get_template(section.template).render(content))  # noqa: S704  # escaped by its template


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
    found = [resources.files(package).joinpath(name) for package in _PACKAGES]
    return next(part for part in found if part.is_file()).read_text("utf-8")


def _shown(value: object) -> object:
    """Any text of the page: nothing in it is hidden, and a number stays with its per cent sign."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return wording.visible(value).replace(" %", "\N{NO-BREAK SPACE}%")


def _prose(text: str) -> Markup:
    """A sentence in which commands and options stand as code, and none of their words is broken over two lines."""
    return Markup().join(
        _typed(piece) if place % 2 else str(_shown(piece)) for place, piece in enumerate(_TYPED.split(text))
    )


def _typed(text: str) -> Markup:
    words = (Markup('<span class="typed">{}</span>').format(_shown(word)) for word in text.strip("`").split(" "))
    return Markup("<code>{}</code>").format(Markup(" ").join(words))


def _offset(offset_ns: int | None, where_absent: str) -> str:
    if offset_ns is None:
        return where_absent
    return wording.exact_length(offset_ns / 1e9)


def page_environment() -> jinja2.Environment:
    """Where templates of the page and of its parts are found, and what they may use. Values are escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_part),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=wording.count,
        fields=msgspec.structs.asdict,
        share=wording.share,
        size=wording.size,
        first_of=lambda samples, most: samples[:most],
        percent=lambda value: f"{100 * value:.4g}%",
        page_link=page_link,
        prose=_prose,
    )
    environment.globals.update(
        length=wording.length,
        value=wording.value,
        limit_value=wording.limit_value,
        offset=_offset,
        media_link=media_link,
        number_range=wording.number_range,
        share_range=wording.share_range,
        usd_range=wording.usd_range,
        STATES=wording.STATES,
    )
    return environment
