"""Where methods look and what they have learnt: Grad-CAM panels and scores, projections of features."""
