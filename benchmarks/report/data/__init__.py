"""Records as tables: read, named, averaged."""
