"""What every page shares: where templates are found and what they may use, the style, and what the page may load.

A page extends `frame.html`, asks no server for anything, and forbids itself what does not stand in it.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

import jinja2
from markupsafe import Markup

from beam_tuning.report import wording
from beam_tuning.report.links import media_link

_PACKAGE = "beam_tuning.report"


def page_environment(*packages: str) -> jinja2.Environment:
    """Where templates are found, and what they may use. Values are escaped; none of their characters is hidden.

    Args:
      packages: that hold templates, the first to be looked in first; `frame.html` is found in any case.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: page_part(name, *packages)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=wording.count, size=wording.size)
    environment.globals.update(length=wording.length, media_link=media_link)
    return environment


def page_part(name: str, *packages: str) -> str:
    """A template, the style or a script: the file of this name in the first of the packages that has it."""
    found = [resources.files(package).joinpath(name) for package in (*packages, _PACKAGE)]
    return next(part for part in found if part.is_file()).read_text("utf-8")


def content_security_policy(css: str, script: str | None = None, media: str | None = None) -> str:
    """The Content-Security-Policy of a page: its own style and script by their hashes, and nothing else.

    Args:
      media: sources from which the page may play media; None for none.
    """
    directives = [
        "default-src 'none'",
        f"style-src '{_hash(css)}'",
        None if script is None else f"script-src '{_hash(script)}'",
        None if media is None else f"media-src {media}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(directive for directive in directives if directive is not None)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def visible(value: object) -> object:
    """Any value of a page; of a text nothing is hidden, and nothing turns the direction of what stands beside it."""
    return wording.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
