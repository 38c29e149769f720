"""What commands print to: text for people, documents for programs."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import Any, Protocol

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text


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
            texts = (self.render_str(one, markup=how.get("markup")) if isinstance(one, str) else one for one in objects)
            objects = tuple(broken_between_words(one, self.width) if isinstance(one, Text) else one for one in texts)
        super().print(*objects, soft_wrap=soft_wrap, **how)

    def on_broken_pipe(self) -> None:
        if not self._goes_on:
            raise BrokenPipeError
        self.quiet = True
        forget_standard_output()


def broken_between_words(text: Text, width: int) -> Text:
    """The text in lines of at most `width` cells, further ones as far in as the first; a longer word has a line of its
    own. Rich itself cuts such words."""
    lines = []
    for line in text.split("\n", allow_blank=True):
        indent = len(line.plain) - len(line.plain.lstrip(" "))
        starts: list[int] = []
        used = end = 0
        for word in re.finditer(r"\S+", line.plain):
            with_it = used + cell_len(line.plain[end : word.end()])
            if end and with_it > width:
                starts.append(word.start())
                with_it = indent + cell_len(word[0])
            used, end = with_it, word.end()
        first, *more = line.divide(starts)
        first.rstrip()
        for one in more:
            one.rstrip()
            one.pad_left(indent)
        lines += [first, *more]
    return Text("\n", end=text.end).join(lines)


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


class CommandDocument(Protocol):
    """What a command found out, as its document."""

    @property
    def exit_code(self) -> int: ...

    def to_bytes(self) -> bytes: ...


def end_with(document: CommandDocument, *, as_json: bool) -> int:
    """The exit code of a command; its document goes to standard output before that, if it was asked for."""
    if as_json:
        write_document(document.to_bytes())
    return document.exit_code


def write_report_of(folder: str) -> None:
    """The report.json of a run folder on standard output; nothing where the run wrote none."""
    from beam_tuning.run_folder.names import REPORT_JSON
    from beam_tuning.run_folder.reader import RunFolder

    with contextlib.suppress(OSError), RunFolder(folder).open(REPORT_JSON) as stream:
        write_document(stream.read())


def forget_standard_output() -> None:
    """Whoever reads our output has gone. Without this the interpreter complains when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
