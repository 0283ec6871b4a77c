"""Oauth1."""
