"""Drives a node with psycopg2: cursors with names, copy_expert, execute_values."""

import io
import json
import select

import psycopg2
import psycopg2.extras
from psycopg2 import errors, extensions
from psycopg2.extras import Json

from common import COLUMNS, DEFINITION, EVERYTHING, Repeated, equal, expect_everything, fails, ok, row, user


def parameters(values):
    values = list(values)
    if values[18] is not None:
        values[18], values[19] = Json(values[18]), Json(values[19])
    return values


def connect():
    psycopg2.extras.register_uuid()
    c = psycopg2.connect("channel_binding=require")
    c.autocommit = True
    cursor = c.cursor()
    cursor.execute("SELECT current_user")
    equal(cursor.fetchone(), (user(),))
    equal(c.info.ssl_in_use, True)
    ok("connect")
    return c, cursor


def types(c, cursor):
    cursor.execute(DEFINITION)
    for values in EVERYTHING:
        cursor.execute(f"INSERT INTO everything VALUES ({', '.join(['%s'] * len(COLUMNS))})", parameters(values))
    cursor.execute("SELECT * FROM everything ORDER BY id")
    expect_everything(cursor)
    ok("types")


def prepared(c, cursor):
    cursor.execute("CREATE TABLE numbers (n int PRIMARY KEY)")
    cursor.execute("PREPARE put AS INSERT INTO numbers VALUES ($1)")
    for n in range(1000):
        cursor.execute("EXECUTE put (%s)", (n,))
    ok("prepared")


def transaction(c, cursor):
    c.autocommit = False
    cursor.execute("INSERT INTO numbers VALUES (2000)")
    fails(errors.UniqueViolation, cursor.execute, "INSERT INTO numbers VALUES (1)")
    fails(errors.InFailedSqlTransaction, cursor.execute, "SELECT 1")
    c.rollback()
    with c:
        cursor.execute("INSERT INTO numbers VALUES (1000)")
        cursor.execute("SAVEPOINT before")
        fails(errors.UniqueViolation, cursor.execute, "INSERT INTO numbers VALUES (1)")
        cursor.execute("ROLLBACK TO SAVEPOINT before")
    c.autocommit = True
    ok("transaction")


def cancel(c, cursor):
    with Repeated(c.cancel):
        fails(errors.QueryCanceled, cursor.execute, "SELECT pg_sleep(60)")
    cursor.execute("SELECT 1")
    equal(cursor.fetchone(), (1,))
    ok("cancel")


# example: begin
def follow(c):
    """Prints the rows of a stream as they come, with a cursor on the server. A FETCH
    waits for a row; itersize says how many at most it brings."""
    with c, c.cursor(name="followed") as cursor:
        cursor.itersize = 1
        cursor.execute("SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)")
        for (n,) in cursor:
            row("ticks", n)
            if n == 20:
                break


# example: end


def push(c, cursor):
    cursor.execute("CREATE STREAM ticks (n int)")
    cursor.execute("INSERT INTO ticks VALUES (0)")
    c.autocommit = False
    follow(c)
    c.autocommit = True
    cursor.execute("SELECT 1")
    equal(cursor.fetchone(), (1,))
    ok("push")


class Lines(io.TextIOBase):
    """A file that prints the rows that are written to it."""

    def write(self, text):
        for line in text.splitlines():
            row("copied_ticks", int(line))
        return len(text)


def copied_push(c, cursor):
    cursor.execute("CREATE STREAM copied_ticks (n int)")
    cursor.execute("INSERT INTO copied_ticks VALUES (0)")
    query = "COPY (SELECT n FROM copied_ticks EMIT CHANGES WITH (snapshot = true) LIMIT 21) TO STDOUT"
    cursor.copy_expert(query, Lines())
    ok("copied_push")


def copy(c, cursor):
    cursor.execute("CREATE TABLE copied (n bigint PRIMARY KEY, t text)")
    cursor.copy_expert("COPY copied FROM STDIN (FORMAT csv)", io.StringIO("".join(f"{n},row {n}\n" for n in range(1000))))
    cursor.copy_from(io.StringIO("1000\t\\N\n"), "copied", columns=("n", "t"))
    out = io.StringIO()
    cursor.copy_expert("COPY (SELECT count(*), sum(n), count(t) FROM copied) TO STDOUT (FORMAT csv, HEADER)", out)
    equal(out.getvalue(), "count,sum,count\n1001,500500,1000\n")
    ok("copy")


def batches(c, cursor):
    rows = psycopg2.extras.execute_values(
        cursor, "INSERT INTO copied VALUES %s RETURNING n", [(n, "values") for n in range(2000, 2500)], fetch=True
    )
    equal(len(rows), 500)
    psycopg2.extras.execute_batch(
        cursor, "UPDATE copied SET t = %s WHERE n = %s", [("batch", n) for n in range(2000, 2100)]
    )
    cursor.execute("SELECT count(*) FROM copied WHERE t = 'batch'")
    equal(cursor.fetchone(), (100,))
    ok("batches")


def cursors(c, cursor):
    c.autocommit = False
    with c, c.cursor("reader") as named:
        named.itersize = 100
        named.execute("SELECT n FROM copied ORDER BY n")
        equal(len(list(named)), 1501)
    with c, c.cursor("scrolling", scrollable=True) as named:
        named.execute("SELECT n FROM copied ORDER BY n")
        equal(named.fetchmany(3), [(0,), (1,), (2,)])
        named.scroll(-2)
        equal(named.fetchone(), (1,))
    with c.cursor("kept", withhold=True) as named:
        named.execute("SELECT n FROM copied ORDER BY n")
        c.commit()
        equal(named.fetchone(), (0,))
    c.commit()
    c.autocommit = True
    ok("cursors")


def notified(c):
    while not c.notifies:
        select.select([c], [], [])
        c.poll()
    return c.notifies.pop(0)


def notify(c, cursor):
    cursor.execute("LISTEN gate")
    cursor.execute("NOTIFY gate, 'opened'")
    n = notified(c)
    equal((n.channel, n.payload, n.pid), ("gate", "opened", c.info.backend_pid))
    cursor.execute("CREATE STREAM listened (n int)")
    cursor.execute("LISTEN listened")
    cursor.execute("INSERT INTO listened VALUES (0)")
    while True:
        change = json.loads(notified(c).payload)
        equal(change["rowop"], "insert")
        row("listened", change["n"])
        if change["n"] == 20:
            break
    cursor.execute("UNLISTEN *")
    ok("notify")


def asynchronous():
    c = psycopg2.connect("", async_=1)
    wait(c)
    cursor = c.cursor()
    cursor.execute("SELECT count(*) FROM copied")
    wait(c)
    equal(cursor.fetchone(), (1501,))
    c.close()
    ok("async")


def wait(c):
    while (state := c.poll()) != extensions.POLL_OK:
        if state == extensions.POLL_READ:
            select.select([c], [], [])
        else:
            select.select([], [c], [])


def main():
    c, cursor = connect()
    for step in types, prepared, transaction, cancel, push, copied_push, copy, batches, cursors, notify:
        step(c, cursor)
    c.close()
    asynchronous()


main()
