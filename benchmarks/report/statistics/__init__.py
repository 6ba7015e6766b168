"""Tests, intervals, claims."""
