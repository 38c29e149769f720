"""From a finished run to a tuning job: checked, shown, created, followed. No Beam."""
