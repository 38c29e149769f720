"""`report.html`: one page for people, made from the document alone.

The page asks nobody for anything: style, script and pictures stand in it, and a Content-Security-Policy with the hashes
of the style and the script forbids the rest. Media of samples may be played, when a person presses the button.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from beam_tuning.report import frame, wording
from beam_tuning.report.document import SECTIONS, Document
from beam_tuning.report.links import page_link
from beam_tuning.report.sections.section import Section

#: The page stays below this whatever the dataset: reasons then show fewer samples.
MOST_BYTES = 2_000_000
_ALL = sys.maxsize
_SECTIONS_PACKAGE = "beam_tuning.report.sections"
#: A command between grave accents, or an option.
_TYPED = re.compile(r"(`[^`]+`|(?<![\w-])--[a-z_]+)")


def render_html(document: Document) -> str:
    """The page of a document."""
    environment = page_environment()
    css, script = frame.page_part("page.css"), frame.page_part("page.js")
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
            navigation=[(section.name, section.title) for section, _ in parts],
            parts=[part for _, part in parts],
            css=Markup(css),  # noqa: S704  # our own file
            script=Markup(script),  # noqa: S704  # our own file
            policy=frame.content_security_policy(css, script, media="https: http:" + (" file:" if local_media else "")),
        )
        if len(page.encode()) <= MOST_BYTES:
            break
    return page


def _render(environment: jinja2.Environment, section: Section, content: Mapping[str, Any]) -> Markup:
    return Markup(environment.get_template(section.template).render(content))  # noqa: S704  # escaped by its template


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


def _shown(value: object) -> object:
    """Any value of the page; a number stays with its per cent sign."""
    shown = frame.visible(value)
    if not isinstance(shown, str) or isinstance(shown, Markup):
        return shown
    return shown.replace(" %", "\N{NO-BREAK SPACE}%")


def page_environment() -> jinja2.Environment:
    """Where templates of the report are found, and what they may use; see `frame.page_environment`."""
    environment = frame.page_environment(_SECTIONS_PACKAGE)
    environment.finalize = _shown
    environment.filters.update(
        fields=msgspec.structs.asdict,
        share=wording.share,
        first_of=lambda samples, most: samples[:most],
        percent=lambda value: f"{100 * value:.4g}%",
        page_link=page_link,
        prose=_prose,
    )
    environment.globals.update(
        value=wording.value,
        limit_value=wording.limit_value,
        offset=_offset,
        number_range=wording.number_range,
        share_range=wording.share_range,
        usd_range=wording.usd_range,
        STATES=wording.STATES,
    )
    return environment
