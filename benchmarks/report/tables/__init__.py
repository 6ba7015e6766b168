"""Tables, and writing them as Markdown, LaTeX and CSV."""
