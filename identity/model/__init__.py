"""The words of the field as frozen dataclasses.

Owns no behaviour beyond what follows from the fields; depends on the standard library only.
"""
