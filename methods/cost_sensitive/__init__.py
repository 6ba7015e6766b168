"""Losses and decisions that know how rare a class is."""
