"""A set that fits: one media resolution, no repeats, no leaks. What is found between examples. No Beam, no I/O."""
