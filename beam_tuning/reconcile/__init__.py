"""What a finished run foretold beside what the tuning service did. No Beam."""
