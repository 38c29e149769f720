"""Which answers may hold times of the media: a quick test, for most answers hold none.

What it passes is read with care by `beam_tuning.times`.
"""

from __future__ import annotations

import re

#: A clock, or a number with the unit of seconds.
_CLOCK_OR_SECONDS = re.compile(r"[0-9](?::[0-5][0-9]|[ -]?s(?:ecs?|econds?)?\b)")
#: How JSON begins, be it in a code fence: there a plain number may be a time.
_JSON_STARTS = ("{", "[", "```")


def may_hold_times(answer: str) -> bool:
    """Whether an answer is worth reading for times."""
    for digit in "0123456789":  # a regular expression takes five times as long to find that there is none
        if digit in answer:
            return answer.lstrip().startswith(_JSON_STARTS) or _CLOCK_OR_SECONDS.search(answer) is not None
    return False
