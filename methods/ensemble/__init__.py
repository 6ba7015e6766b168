"""Several members that share the budget."""
