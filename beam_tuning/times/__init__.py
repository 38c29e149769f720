"""Times that a text holds: recognised, moved to another time line, written back as they were written. No I/O."""
