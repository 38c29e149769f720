"""The sections of the report, one module each; `section.py` says what a section is made of."""
