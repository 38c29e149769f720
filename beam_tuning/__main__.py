"""`python -m beam_tuning` is `beam-tuning`."""

import sys

from beam_tuning.cli import main

if __name__ == "__main__":
    sys.exit(main())
