"""Ec2 credentials."""
