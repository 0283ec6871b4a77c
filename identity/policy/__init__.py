"""Owns who may do what: the rules, an operator's own file, and the decision.

Must not depend on the web, the store or tokens; oslo.policy is named in `enforcer` and nowhere else.
"""
