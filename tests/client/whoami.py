"""Run by the tests with a stock openstacksdk: prints the user of OS_CLOUD, or of the OS_* variables."""

import openstack

connection = openstack.connect()
try:
    print(connection.session.auth.get_access(connection.session).username)
    # As every program does that wants its next start to find the token (a no-op unless the cache is on).
    connection.config.set_auth_cache()
finally:
    connection.close()
