#!/bin/sh
# Runs pgbench's own tables and scripts in each mode of the protocol.
set -eu
PATH=$PATH:/usr/lib/postgresql/15/bin
pgbench -q -i -s 1
echo "ok initialize"
for mode in simple extended prepared; do
  pgbench -n -M $mode -c 4 -t 10 | grep 'number of failed transactions: 0 '
  echo "ok $mode"
done
