"""Stored scores judged again: at the prior and the costs of where a method will be used, and at other thresholds."""
