"""One rule a file; none knows of another."""
