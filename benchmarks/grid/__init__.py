"""What a run consists of: presets, cells, their rows, what they will cost."""
