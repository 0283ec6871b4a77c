"""What `gatestone doctor` looks at, one topic a file. Owns no repair: each finding names its cure.

Must not depend on the web or on the demo; a check never raises, and changes nothing.
"""
