"""One description of a whole site, and the files that its hosts need: owns `site.toml` and what is rendered from it.

Depends on the settings and on templates beside them; knows no gateway that runs.
"""
