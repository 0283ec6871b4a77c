"""Put on PYTHONPATH, this makes an environment without the Kerberos extra."""

raise ImportError("not installed (a test says so)")
