"""What the Flex Template's launcher starts: `beam-tuning validate` with the launch's parameters."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from beam_tuning.cli import main


def arguments(given: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The command line of the job: workers run the launcher's image, unless the launch names another."""
    image = environ.get("BEAM_TUNING_IMAGE")
    names = {argument.split("=", 1)[0] for argument in given}
    own_image = [f"--sdk_container_image={image}"] if image and "--sdk_container_image" not in names else []
    return ["validate", *given, *own_image]


if __name__ == "__main__":
    sys.exit(main(arguments(sys.argv[1:], os.environ)))
