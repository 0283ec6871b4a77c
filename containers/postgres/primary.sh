#!/bin/bash
# Run once by the image, on the new data directory of the primary: a user with whom a standby may copy and follow it.
set -euo pipefail
export SECRETS=${SECRETS:-/run/secrets}
# psql reads the password itself: what stands on a command line is everybody's to see.
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set password `cat "$SECRETS/replication_password"`
CREATE ROLE replicator WITH REPLICATION LOGIN PASSWORD :'password';
SQL
echo "host replication replicator samenet scram-sha-256" >>"$PGDATA/pg_hba.conf"
