"""Processes of this machine, as tests of what a run leaves behind see them."""

from __future__ import annotations

import contextlib
from pathlib import Path


def command_of(process_id: int) -> bytes:
    """Its command line, each word with a NUL behind it; empty when it has ended."""
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:
        return b""


def members_of(group: int) -> list[int]:
    """Processes of a group that are not dead."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(int(stat.parent.name))
    return found
