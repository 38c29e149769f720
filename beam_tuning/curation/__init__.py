"""A set that fits: what is changed, what is found between examples, which of them are taken. No Beam, no I/O."""
