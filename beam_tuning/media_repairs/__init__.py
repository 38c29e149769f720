"""Which edits of its media bring an example back, and the example afterwards, its times kept true. No I/O, no Beam."""
