"""What was chosen, where, and by which trials; apart from the library."""
