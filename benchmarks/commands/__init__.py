"""What the command lines share: their arguments, the request that these make, and how they end."""
