"""What the Flex Template's launcher starts: `beam-tuning COMMAND` with the launch's parameters.

The parameter `command` names the command; `validate` when a launch has none. The others are the command's options.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from beam_tuning.cli import main
from beam_tuning.commands import TEMPLATE_DEFAULT

_COMMAND = "--command="


def arguments(given: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The command line of the job: workers run the launcher's image, unless the launch names another."""
    named = [word.removeprefix(_COMMAND) for word in given if word.startswith(_COMMAND)]
    command = named[-1] if named else TEMPLATE_DEFAULT
    image = environ.get("BEAM_TUNING_IMAGE")
    names = {word.split("=", 1)[0] for word in given}
    own_image = [f"--sdk_container_image={image}"] if image and "--sdk_container_image" not in names else []
    rest = [word for word in given if not word.startswith(_COMMAND)]
    return [command, *rest, *own_image]


if __name__ == "__main__":
    sys.exit(main(arguments(sys.argv[1:], os.environ)))
