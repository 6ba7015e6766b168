"""The answer in plain words."""
