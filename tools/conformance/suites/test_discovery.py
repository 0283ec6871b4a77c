"""What stestr loads: the identity tests of tempest and the whole plugin, in the suites' own interpreter.

tempest's own discovery imports the tests of every OpenStack service, in each worker anew; these are the ones that concern us.
"""

from __future__ import annotations

import sysconfig
import unittest

FOLDERS = ("tempest/api/identity", "keystone_tempest_plugin/tests")


def load_tests(loader: unittest.TestLoader, tests: unittest.TestSuite, pattern: str | None) -> unittest.TestSuite:
    """The protocol of unittest: what this module holds."""
    top = sysconfig.get_paths()["purelib"]
    found = unittest.TestSuite()
    for folder in FOLDERS:
        found.addTests(loader.discover(f"{top}/{folder}", top_level_dir=top))
    return found
