"""One file a cell, and what was asked for."""
