"""Which images of which class are drawn, and how often; oversampling in feature space."""
