"""Service providers."""
