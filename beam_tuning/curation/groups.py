"""Examples that share something, directly or through others: the parts of a graph that hang together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def groups_of(
    examples: int, owners: npt.NDArray[np.int64], shared: npt.NDArray[np.unsignedinteger]
) -> npt.NDArray[np.int64]:
    """For each example the number of its group, which is the number of the group's first example.

    Args:
      examples: how many there are.
      owners: of each thing that is shared, the example that holds it.
      shared: the things, 16 bytes each as two numbers; equal ones join their owners.
    """
    first, second = shared[:, 0], shared[:, 1]
    order = np.lexsort((owners, second, first))
    is_same = (first[order][1:] == first[order][:-1]) & (second[order][1:] == second[order][:-1])
    of_thing = owners[order]
    parents = list(range(examples))
    # Only what two examples hold is walked in Python: most things have one owner.
    for one, other in zip(of_thing[:-1][is_same].tolist(), of_thing[1:][is_same].tolist(), strict=True):
        root, other_root = _root(parents, one), _root(parents, other)
        if root != other_root:
            parents[max(root, other_root)] = min(root, other_root)
    if not is_same.any():
        return np.arange(examples, dtype=np.int64)
    return np.array([_root(parents, example) for example in range(examples)], dtype=np.int64)


def _root(parents: list[int], example: int) -> int:
    while parents[example] != example:
        parents[example] = parents[parents[example]]
        example = parents[example]
    return example
