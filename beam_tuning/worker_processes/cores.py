"""How many processor cores this process may use: of the machine, of its affinity and of its control group."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def usable_cores(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> int:
    """At least 1. A share of a core that a control group grants counts as a whole one.

    Args:
      cgroups: where control groups are mounted.
      own: the file that says which ones this process is in.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = [share for share in _granted(cgroups, own) if share > 0]
    return max(1, min([cores, *(-int(-share // 1) for share in granted)]))


def _granted(cgroups: Path, own: Path) -> list[float]:
    """Cores that each control group around this process grants: version 2 in cpu.max, version 1 in two files
    (https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/scheduler/sched-bwc.html)."""
    granted = []
    for line in _text(own).splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        names: tuple[str, ...] = ("cpu.max",)
        if number == "0":
            root = cgroups
        elif "cpu" in controllers.split(","):
            root, names = cgroups / "cpu", ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        else:
            continue
        inner = PurePosixPath(path.lstrip("/"))
        # In a container the path may be that of the host, and its own group is the root.
        for folder in (inner, *inner.parents):
            words = " ".join(_text(root / folder / name) for name in names).split()
            if len(words) == 2 and all(word.lstrip("-").isdigit() for word in words) and int(words[1]) > 0:
                granted.append(int(words[0]) / int(words[1]))
    return granted


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
