"""Running cells: workers, preparation, training, tuning, evaluation."""
