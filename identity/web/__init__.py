"""HTTP: routes that parse, ask the policy, call one service and render.

Must not hold rules of the field or SQL; both API versions call the same services.
"""
