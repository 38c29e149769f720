"""A set that fits, without repeats and leaks: what is found between examples, and which of them are taken. No Beam, no I/O."""
