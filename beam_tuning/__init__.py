"""Check a Gemini audio or video tuning dataset before a tuning job is paid for."""

__version__ = "0.1.0"
