"""A finished run as later commands see it: whole, unchanged, with the few facts that they need. No Beam."""
