"""`python -m identity.manage` is `gatestone`."""

from . import main

main(prog_name="gatestone")
