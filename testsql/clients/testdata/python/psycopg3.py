"""Drives a node with psycopg 3: sync, async, pipelines, COPY, cursors, streams."""

import asyncio
import enum
import json

import psycopg
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import Json, Jsonb

from common import COLUMNS, DEFINITION, EVERYTHING, Repeated, equal, expect_everything, fails, ok, row, user


def parameters(values):
    values = list(values)
    if values[18] is not None:
        values[18], values[19] = Json(values[18]), Jsonb(values[19])
    return values


INSERT = f"INSERT INTO everything VALUES ({', '.join(['%s'] * len(COLUMNS))})"


def connect():
    c = psycopg.connect(channel_binding="require", autocommit=True)
    equal(c.execute("SELECT current_user").fetchone(), (user(),))
    equal(c.pgconn.ssl_in_use, True)
    ok("connect")
    return c


def types(c):
    c.execute(DEFINITION)
    for values in EVERYTHING:
        c.execute(INSERT, parameters(values))
    for binary in False, True:
        expect_everything(c.execute("SELECT * FROM everything ORDER BY id", binary=binary))
    ok("types")


def prepared(c):
    c.execute("CREATE TABLE numbers (n int PRIMARY KEY)")
    for n in range(1000):
        c.execute("INSERT INTO numbers VALUES (%s)", (n,), prepare=True)
    ok("prepared")


def transaction(c):
    with c.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO numbers VALUES (2000)")
        fails(psycopg.errors.UniqueViolation, cursor.execute, "INSERT INTO numbers VALUES (1)")
        fails(psycopg.errors.InFailedSqlTransaction, cursor.execute, "SELECT 1")
        cursor.execute("ROLLBACK")

    def violate():
        with c.transaction():
            c.execute("INSERT INTO numbers VALUES (1)")

    with c.transaction():
        c.execute("INSERT INTO numbers VALUES (1000)")
        fails(psycopg.errors.UniqueViolation, violate)
    ok("transaction")


def cancel(c):
    with Repeated(c.cancel_safe):
        fails(psycopg.errors.QueryCanceled, c.execute, "SELECT pg_sleep(60)")
    equal(c.execute("SELECT 1").fetchone(), (1,))
    ok("cancel")


# example: begin
def follow(c):
    """Prints the rows of a stream as they come. Closing the iterator ends the query."""
    with c.cursor() as cursor:
        rows = cursor.stream("SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)")
        for (n,) in rows:
            row("ticks", n)
            if n == 20:
                rows.close()


# example: end


def push(c):
    c.execute("CREATE STREAM ticks (n int)")
    c.execute("INSERT INTO ticks VALUES (0)")
    follow(c)
    equal(c.execute("SELECT 1").fetchone(), (1,))
    ok("push")


def copied_push(c):
    c.execute("CREATE STREAM copied_ticks (n int)")
    c.execute("INSERT INTO copied_ticks VALUES (0)")
    with c.cursor() as cursor:
        query = "COPY (SELECT n FROM copied_ticks EMIT CHANGES WITH (snapshot = true) LIMIT 21) TO STDOUT"
        with cursor.copy(query) as copy:
            copy.set_types(["int4"])
            for (n,) in copy.rows():
                row("copied_ticks", n)
    ok("copied_push")


def fetched_push(c):
    c.execute("CREATE STREAM fetched_ticks (n int)")
    c.execute("INSERT INTO fetched_ticks VALUES (0)")
    with c.transaction(), c.cursor(name="followed") as cursor:
        cursor.execute("SELECT n FROM fetched_ticks EMIT CHANGES WITH (snapshot = true)")
        for _ in range(21):
            row("fetched_ticks", cursor.fetchone()[0])
    ok("fetched_push")


def copy(c):
    c.execute("CREATE TABLE copied (n bigint PRIMARY KEY, t text)")
    for at, binary in enumerate(["", " (FORMAT binary)"]):
        with c.cursor() as cursor, cursor.copy(f"COPY copied FROM STDIN{binary}") as into:
            into.set_types(["int8", "text"])
            for n in range(1000):
                into.write_row((at * 1000 + n, None if n % 7 == 0 else f"row\t{n}"))
        with c.cursor() as cursor, cursor.copy(f"COPY (SELECT * FROM copied ORDER BY n) TO STDOUT{binary}") as out:
            out.set_types(["int8", "text"])
            equal(list(out.rows())[-1], (at * 1000 + 999, "row\t999"))
    ok("copy")


def pipeline(c):
    with c.pipeline() as p:
        cursors = [c.execute("INSERT INTO copied VALUES (%s, %s) RETURNING n", (n, "piped")) for n in range(5000, 5100)]
        p.sync()
        equal([cursor.fetchone()[0] for cursor in cursors], list(range(5000, 5100)))

    def broken():
        with c.pipeline():
            c.execute("INSERT INTO copied VALUES (6000)")
            c.execute("SELECT 1 / 0")
            c.execute("INSERT INTO copied VALUES (6001)")

    fails(psycopg.errors.DivisionByZero, broken)
    equal(c.execute("SELECT count(*) FROM copied WHERE n >= 6000").fetchone(), (0,))
    with c.cursor() as cursor:
        cursor.executemany("INSERT INTO copied VALUES (%s, %s)", [(n, "many") for n in range(7000, 7200)])
        equal(cursor.rowcount, 200)
    ok("pipeline")


def cursors(c):
    with c.transaction():
        with c.cursor(name="reader") as cursor:
            cursor.execute("SELECT n FROM copied ORDER BY n")
            cursor.itersize = 100
            equal(len([n for (n,) in cursor]), 2300)
        with c.cursor(name="scrolling", scrollable=True) as cursor:
            cursor.execute("SELECT n FROM copied ORDER BY n")
            equal(cursor.fetchmany(3), [(0,), (1,), (2,)])
            cursor.scroll(-2)
            equal(cursor.fetchone(), (1,))
            cursor.scroll(10, mode="absolute")
            equal(cursor.fetchone(), (10,))
    ok("cursors")


class Mood(enum.Enum):
    SAD = "sad"
    HAPPY = "happy"


def created_types(c):
    """An enum and a composite type, as the library learns them from the server."""
    c.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
    c.execute("CREATE TYPE place AS (street text, number int, moods mood[])")
    c.execute("CREATE TABLE people (id int PRIMARY KEY, m mood, ms mood[], p place, ps place[])")
    info = EnumInfo.fetch(c, "mood")
    equal(list(info.labels), ["sad", "happy"])
    register_enum(info, c, Mood, mapping={m: m.value for m in Mood})
    info = CompositeInfo.fetch(c, "place")
    equal(list(info.field_names), ["street", "number", "moods"])
    register_composite(info, c)
    place = info.python_type("High Street, \"1\"", None, [Mood.SAD, Mood.HAPPY])
    values = (1, Mood.HAPPY, [Mood.SAD, None], place, [place, info.python_type("", 2, None)])
    c.execute("INSERT INTO people VALUES (%s, %s, %s, %s, %s)", values)
    c.execute("INSERT INTO people VALUES (%b, %b, %b, %b, %b)", (2, *values[1:]))
    for binary in False, True:
        equal(c.execute("SELECT * FROM people ORDER BY id", binary=binary).fetchall(), [values, (2, *values[1:])])
        equal(c.execute("SELECT (p).number, p FROM people WHERE m = %s AND p = %s", (Mood.HAPPY, place), binary=binary).fetchone(), (None, place))
    c.execute("DROP TABLE people")
    ok("created_types")


# example: begin notify
def listen(c):
    """Follows a stream by notifications, on a connection that can run other statements."""
    c.execute("LISTEN listened")
    c.execute("INSERT INTO listened VALUES (0)")
    for notification in c.notifies():
        change = json.loads(notification.payload)
        if change["rowop"] == "insert":
            row(notification.channel, change["n"])
        if change.get("n") == 20:
            break
    c.execute("UNLISTEN listened")


# example: end


def notify(c):
    c.execute("LISTEN gate")
    c.execute("SELECT pg_notify('gate', 'opened')")
    (n,) = c.notifies(timeout=30, stop_after=1)
    equal((n.channel, n.payload, n.pid), ("gate", "opened", c.info.backend_pid))
    c.execute("CREATE STREAM listened (n int)")
    listen(c)
    c.execute("UNLISTEN *")
    ok("notify")


async def asynchronous():
    c = await psycopg.AsyncConnection.connect(autocommit=True)
    async with c, c.cursor() as cursor:
        await cursor.execute("CREATE STREAM async_ticks (n int)")
        await cursor.execute("INSERT INTO async_ticks VALUES (0)")
        rows = cursor.stream("SELECT n FROM async_ticks EMIT CHANGES WITH (snapshot = true)")
        async for (n,) in rows:
            row("async_ticks", n)
            if n == 20:
                await rows.aclose()
        await cursor.execute("SELECT count(*) FROM copied WHERE t = %s", ("piped",))
        equal(await cursor.fetchone(), (100,))
    ok("async")


def main():
    with connect() as c:
        for step in types, prepared, transaction, cancel, push, copied_push, fetched_push, copy, pipeline, cursors, created_types, notify:
            step(c)
    asyncio.run(asynchronous())


main()
