"""The commands: each a module of the same name that holds one `COMMAND`. A new one takes a module and a line here.

Modules declare options and import what they run with only when they run, so that help and completion stay fast.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType

from beam_tuning.options import Command

#: What a Flex Template runs when a launch names no command.
TEMPLATE_DEFAULT = "validate"
#: By name, in the order in which they are listed; the summaries stand here so that the list is printed at once.
COMMANDS = MappingProxyType(
    {
        "validate": "check a dataset, write clean shards and a report",
        "show": "print a run's summary again, its examples by reason, or what changed between two runs",
        "repair": "bring back examples that a run did not keep: correct their lines, cut or shrink their media",
        "upload": "send local media of the kept examples to Cloud Storage, and name them there in the tuning files",
        "tune": "check that a run is ready, show its tuning job, create it, and follow it",
        "reconcile": "compare what a tuning job did with what its run predicted",
        "verify": "check whether the media of a run have changed since",
        "probe": "look at media files and print what each of them is",
        "demo": "make a small dataset of real media with planted faults, and check it",
        "reasons": "print the catalogue of reasons",
        "limits": "print what each model accepts, with sources",
        "completion": "print the completion script of a shell",
    }
)


def load(name: str) -> Command:
    """A command with its name and summary."""
    command: Command = importlib.import_module(f"{__name__}.{name}").COMMAND
    return command._replace(name=name, summary=COMMANDS[name])
