#!/bin/sh
# Runs psql's steps through PgBouncer with session pooling, then shows what goes through
# transaction pooling. TLS is on both ways; the certificate is the node's.
set -eu
PATH=$PATH:/usr/sbin:/usr/lib/postgresql/15/bin
dir=$(mktemp -d)
pooler=
trap 'if [ -n "$pooler" ]; then kill $pooler; wait $pooler || true; fi; rm -rf "$dir"' EXIT
cp "$PGSSLROOTCERT" "$dir/ca"
cp "$MILLRACE_CERTIFICATE" "$dir/certificate"
cp "$MILLRACE_KEY" "$dir/key"
echo "\"$PGUSER\" \"$PGPASSWORD\"" >"$dir/users"
as=
if [ "$(id -u)" = 0 ]; then # PgBouncer refuses to be root
  as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
  chown -R nobody:nogroup "$dir"
fi

node=$PGPORT
while [ -z "$pooler" ]; do # until a port is free
  PGPORT=$((PGPORT + 1))
  cat >"$dir/ini" <<END
[databases]
millrace = host=localhost port=$node pool_mode=session
transactions = host=localhost port=$node dbname=millrace pool_mode=transaction
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $PGPORT
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $dir/users
client_tls_sslmode = require
client_tls_cert_file = $dir/certificate
client_tls_key_file = $dir/key
server_tls_sslmode = verify-full
server_tls_ca_file = $dir/ca
ignore_startup_parameters = extra_float_digits
default_pool_size = 4
END
  $as pgbouncer "$dir/ini" >"$dir/log" 2>&1 &
  pooler=$!
  until grep -q 'process up' "$dir/log"; do
    if grep -q 'nowhere to listen' "$dir/log"; then
      wait $pooler || pooler=
      break
    fi
    kill -0 $pooler 2>/dev/null || grep -q 'nowhere to listen' "$dir/log" || { cat "$dir/log"; exit 1; }
  done
done
export PGPORT

(cd ../psql && CHANNEL_BINDING=disable sh client.sh) # PgBouncer has no channel binding

psql="psql -X -q -A -t -v ON_ERROR_STOP=1"
for i in 1 2 3 4 5 6 7 8 9; do # each may get any of the server's connections, as new
  test "$($psql -c "SET application_name = 'kept'" -c 'SET search_path = kept' -c 'PREPARE kept AS SELECT 1' -c 'LISTEN kept' \
    -c 'SELECT pg_advisory_lock(1)' -c 'SELECT 1 FROM pg_prepared_statements')" = "$(printf '\n1')"
  test "$($psql -c 'SHOW search_path' -c 'SELECT count(*) FROM pg_prepared_statements' -c 'SELECT count(*) FROM pg_listening_channels()' \
    -c 'SELECT pg_try_advisory_lock(1)')" = "$(printf '"$user", public\n0\n0\nt')"
done
echo "ok reset"

export PGDATABASE=transactions
pgbench -q -i -s 1
pgbench -n -M simple -c 12 -t 5 | grep 'number of failed transactions: 0 '
$psql -c 'CREATE STREAM pooled (n int)' -c 'INSERT INTO pooled VALUES (0)'
stdbuf -oL $psql -c "COPY (SELECT 'row pooled ' || n FROM pooled EMIT CHANGES WITH (snapshot = true) LIMIT 21) TO STDOUT"
$psql -c 'BEGIN' -c 'DECLARE c CURSOR FOR SELECT n FROM pooled ORDER BY n' -c 'FETCH ALL FROM c' -c 'COMMIT' | tail -1 | grep -x 20
echo "ok transactions"
