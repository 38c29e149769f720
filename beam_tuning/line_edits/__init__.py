"""Putting right how a line is written: one small function an edit, no other byte changed. No Beam, no I/O."""
