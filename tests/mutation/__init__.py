"""Mutation run: change the code in one place, and see whether the tests near it notice (`make mutants`)."""
