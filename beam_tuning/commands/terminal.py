"""What commands print to: text for people, documents for programs."""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec
from rich.console import Console


class _TerminalConsole(Console):
    """Breaks lines between words on a terminal, never within one, so that a path can be copied whole.

    Elsewhere lines stay whole.

    `goes_on` says what happens when whoever reads the output has read enough (`| head`): the command goes on in
    silence, because it does more than to print; or BrokenPipeError ends it.
    """

    def __init__(self, *, goes_on: bool = False, stderr: bool = False) -> None:
        super().__init__(soft_wrap=True, stderr=stderr)
        self._goes_on = goes_on

    def print(self, *objects: Any, soft_wrap: bool | None = None, **how: Any) -> None:
        if soft_wrap is None and self.is_terminal:
            unbroken: dict[str, Any] = {"soft_wrap": False, "overflow": "ignore", "crop": False}
            super().print(*objects, **{**unbroken, **how})
        else:
            super().print(*objects, soft_wrap=soft_wrap, **how)

    def on_broken_pipe(self) -> None:
        if not self._goes_on:
            raise BrokenPipeError
        self.quiet = True
        forget_standard_output()


def console_for_people(*, as_json: bool = False, goes_on: bool = False) -> Console:
    """Standard output; standard error where a document goes to standard output."""
    return _TerminalConsole(goes_on=goes_on, stderr=as_json)


def print_json(document: object) -> None:
    """One document on standard output, indented, with a newline at its end.

    Args:
      document: what msgspec encodes: structs, mappings, sequences, dates and plain values.
    """
    write_document(msgspec.json.format(msgspec.json.encode(document), indent=2))


def write_document(document: bytes) -> None:
    """One encoded document on standard output, with a newline at its end."""
    sys.stdout.write(document.decode().rstrip("\n") + "\n")
    sys.stdout.flush()


def forget_standard_output() -> None:
    """Whoever reads our output has gone. Without this the interpreter complains when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
