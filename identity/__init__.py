"""Gatestone: a federated identity gateway that speaks the OpenStack Identity API."""

__version__ = "0.1.0"
