"""The Python interface. Its names are those of `beam_tuning.__all__`; import them from `beam_tuning`."""
