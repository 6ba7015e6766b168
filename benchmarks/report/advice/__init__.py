"""What to use: the estimator, the decision, its words, and how often it was right on images it had not seen."""
