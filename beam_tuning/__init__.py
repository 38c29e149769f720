"""Check a Gemini audio or video tuning dataset before a tuning job is paid for.

What stands in `__all__` is the Python interface. Each name is imported when it is first asked for, so that importing
the package costs next to nothing; `__init__.pyi` tells type checkers and editors of the names.
"""

__version__ = "0.1.0"

#: Every public name, by the module that defines it.
_PUBLIC = {
    "api.validating": ("validate", "ValidateKeywords"),
    "api.run": ("open_run", "Run", "RunExample", "RunFinding", "SplitCounts"),
    "api.probing": ("probe", "MediaError"),
    "api.checking": ("check_line",),
    "transforms.probe_uris": ("ProbeUris",),
    "transforms.check_lines": ("CheckLines",),
    "policy.checked_line": ("CheckedLine",),
    "policy.readiness": ("State",),
    "reasons": ("Finding", "Outcome", "Reason", "Scope", "Verdict"),
    "summary.judged_example": ("TokenRange",),
    "media.info": (
        "FailureKind",
        "MediaInfo",
        "MediaKind",
        "ObjectInfo",
        "ProbeCost",
        "ProbeFailure",
        "ProbeResult",
        "StreamInfo",
    ),
    "errors": ("BeamTuningError", "InputError", "OptionError", "OutputError", "UsageError"),
}
_MODULES = {name: module for module, names in _PUBLIC.items() for name in names}
__all__ = ["__version__", *_MODULES]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
