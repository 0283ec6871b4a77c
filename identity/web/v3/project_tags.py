"""Project tags."""
