"""Whether the media of a finished run are still those that it judged. No Beam."""
