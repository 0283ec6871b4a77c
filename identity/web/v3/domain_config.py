"""Domain config."""
