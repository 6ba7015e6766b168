"""Images, features or labels that the training subset does not have."""
