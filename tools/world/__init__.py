"""A whole site on one machine, a network namespace a host: its daemons, load from outside, faults, and what they cost.

`make world` runs all of it; the tests run a short form. Depends on `gatestone` as an operator has it: commands and files.
"""
