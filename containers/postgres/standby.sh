#!/bin/bash
# Usage: standby.sh PRIMARY PORT COMMAND...: copies the primary unless that was done before, then follows it.
set -euo pipefail
primary=$1 port=$2
shift 2
secrets=${SECRETS:-/run/secrets}
passfile=$(dirname "$PGDATA")/replicator.pgpass
umask 077
# A password that holds a colon or a backslash is escaped as libpq wants it.
printf '%s:%s:*:replicator:%s\n' "$primary" "$port" "$(sed 's/[\\:]/\\&/g' "$secrets/replication_password")" >"$passfile"
export PGPASSFILE=$passfile
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    rm -rf "$PGDATA"
    pg_basebackup --host "$primary" --port "$port" --username replicator --no-password \
        --pgdata "$PGDATA" --wal-method stream --write-recovery-conf --checkpoint fast
fi
exec "$@"
