"""Which of the kept examples are taken, from the options of `validate`."""

from __future__ import annotations

from beam_tuning.curation.selection import Selection, Stratify
from beam_tuning.errors import OptionError
from beam_tuning.pipelines.validate_options import FIT, ValidateOptions


def selection_of(options: ValidateOptions) -> Selection:
    """What the options ask for.

    Raises:
      OptionError: they contradict each other, or one of them has no effect.
    """
    if options.validation_split is not None and options.validation:
        raise OptionError(
            "a validation set cannot be made where one is given",
            where="--validation_split",
            observed=f"--validation {options.validation[0]}",
            remedy="Give one of the two options.",
        )
    selection = Selection(
        max_examples=None if options.max_examples in (None, FIT) else int(options.max_examples),
        fits=options.max_examples == FIT,
        seed=options.seed,
        stratify_by=Stratify(options.stratify_by),
        validation_split=options.validation_split,
    )
    for name, needed in (("seed", selection.is_on), ("stratify_by", selection.samples)):
        if name in options.given and not needed:
            others = "--max_examples" if name == "stratify_by" else "--max_examples or --validation_split"
            raise OptionError(
                "the option has no effect: neither a sample nor a validation set is asked for",
                where=f"--{name}",
                remedy=f"Give {others} too.",
            )
    return selection
