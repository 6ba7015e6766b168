"""Choosing the shared recipe and the stages of the proposed method: where, what, and the logs of all trials."""
