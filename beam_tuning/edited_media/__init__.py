"""Media that a repair makes: sources fetched once, files made of them, written where they are to lie. No Beam."""
