"""Local media of a finished run's kept examples: sent to Cloud Storage, named there in the tuning files. No Beam."""
