"""The contract that every method must pass, ours and other people's."""

from methods.testing.contract import CLAUSES, check_method
from methods.testing.tiny import STEPS, made_data, tiny_context

__all__ = ["CLAUSES", "STEPS", "check_method", "made_data", "tiny_context"]
