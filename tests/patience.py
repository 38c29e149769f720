"""How long a test waits for what comes within seconds on an idle machine.

A test that hangs ends, and a busy machine fails none.
"""

PATIENCE_S = 600
