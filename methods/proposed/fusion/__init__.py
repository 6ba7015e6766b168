"""Parts of few-defect-fusion: what is seen of an image, the memory, the teachers, and the scale they are brought to."""
