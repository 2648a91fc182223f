#!/bin/sh
# Drives a node with psql.
set -eu
psql="psql -X -q -v ON_ERROR_STOP=1 -A -t"
ok() { echo "ok $1"; }

test "$(PGCHANNELBINDING=${CHANNEL_BINDING:-require} $psql -c 'SELECT current_user')" = "$PGUSER"
ok connect

$psql -f ../everything.sql
$psql -f values.sql
$psql -F "$(printf '\t')" -P 'null=\N' -c 'SELECT * FROM everything ORDER BY id' | diff ../everything.txt -
ok types

$psql -c 'CREATE TABLE numbers (n int PRIMARY KEY)'
{
  echo 'PREPARE put AS INSERT INTO numbers VALUES ($1);'
  seq 0 999 | sed 's/.*/EXECUTE put (&);/'
} | $psql
ok prepared

# ON_ERROR_STOP is off: the errors are part of it, and are compared.
psql -X -q -A -t -v VERBOSITY=sqlstate -f transaction.sql 2>&1 | sed 's/.*ERROR: */ERROR /' | diff transaction.txt -
ok transaction

$psql -c 'SELECT pg_sleep(60)' 2>cancelled.$$ &
sleeper=$!
until test "$($psql -c "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'")" = 1; do :; done
! wait $sleeper
message=$(cat cancelled.$$)
rm cancelled.$$
test "$message" = 'ERROR:  canceling statement due to user request'
ok cancel

$psql -c 'CREATE STREAM ticks (n int)' -c 'INSERT INTO ticks VALUES (0)'
stdbuf -oL $psql -c "COPY (SELECT 'row ticks ' || n FROM ticks EMIT CHANGES WITH (snapshot = true) LIMIT 21) TO STDOUT"
ok push

# psql shows what has come behind the answer of a statement.
$psql <<'END' | sed 's/ received from .*//' >notified.$$
LISTEN gate;
NOTIFY gate, 'own';
\! psql -X -q -c "NOTIFY gate, 'of another'"
SELECT 'behind it';
END
diff - notified.$$ <<'END'
Asynchronous notification "gate" with payload "own"
behind it
Asynchronous notification "gate" with payload "of another"
END
rm notified.$$
ok notify
