"""What a repair of a finished run would do, from its tables alone. No Beam; no line and no media are read."""
