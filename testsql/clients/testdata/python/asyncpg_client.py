"""Drives a node with asyncpg, which speaks the binary protocol and asks the server for
its types."""

import asyncio
import json
import uuid

import asyncpg

from common import COLUMNS, DEFINITION, EVERYTHING, equal, expect_everything, ok, row, user


async def fails(exception, awaitable):
    try:
        await awaitable
    except exception:
        return
    raise AssertionError(f"no {exception.__name__}")


async def connect():
    c = await asyncpg.connect()
    equal(await c.fetchval("SELECT current_user"), user())
    for name in "json", "jsonb":
        await c.set_type_codec(name, schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    ok("connect")
    return c


async def types(c):
    await c.execute(DEFINITION)
    insert = f"INSERT INTO everything VALUES ({', '.join(f'${i + 1}' for i in range(len(COLUMNS)))})"
    for values in EVERYTHING:
        await c.execute(insert, *values)
    rows = [list(r.values()) for r in await c.fetch("SELECT * FROM everything ORDER BY id")]
    for values in rows:
        if values[17] is not None:
            values[17] = uuid.UUID(str(values[17]))
    expect_everything(rows)
    ok("types")


async def prepared(c):
    await c.execute("CREATE TABLE numbers (n int PRIMARY KEY)")
    put = await c.prepare("INSERT INTO numbers VALUES ($1)")
    for n in range(1000):
        await put.fetch(n)
    ok("prepared")


async def transaction(c):
    block = c.transaction()
    await block.start()
    await c.execute("INSERT INTO numbers VALUES (2000)")
    await fails(asyncpg.UniqueViolationError, c.execute("INSERT INTO numbers VALUES ($1)", 1))
    await fails(asyncpg.InFailedSQLTransactionError, c.fetch("SELECT 1"))
    await block.rollback()
    async with c.transaction():
        await c.execute("INSERT INTO numbers VALUES (1000)")
        savepoint = c.transaction()
        await savepoint.start()
        await fails(asyncpg.UniqueViolationError, c.execute("INSERT INTO numbers VALUES (1)"))
        await savepoint.rollback()
    ok("transaction")


async def cancel(c):
    other = await asyncpg.connect()
    sleeping = asyncio.ensure_future(c.execute("SELECT pg_sleep(60)"))
    while not sleeping.done():
        # A request that comes before the statement has begun does nothing.
        await other.fetchval("SELECT pg_cancel_backend($1)", c.get_server_pid())
        await asyncio.wait([sleeping], timeout=0.05)
    await fails(asyncpg.QueryCanceledError, sleeping)
    await other.close()
    await fails(asyncio.TimeoutError, c.execute("SELECT pg_sleep(60)", timeout=2))
    equal(await c.fetchval("SELECT 1"), 1)
    ok("cancel")


# example: begin
async def follow(c):
    """Prints the rows of a stream as they come. asyncpg's cursors ask for a number of
    rows and wait for all of them; prefetch=1 takes each row as it comes."""
    async with c.transaction():
        async for record in c.cursor("SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)", prefetch=1):
            row("ticks", record["n"])
            if record["n"] == 20:
                break


# example: end


async def push(c):
    await c.execute("CREATE STREAM ticks (n int)")
    await c.execute("INSERT INTO ticks VALUES (0)")
    await follow(c)
    equal(await c.fetchval("SELECT 1"), 1)
    ok("push")


async def copied_push(c):
    await c.execute("CREATE STREAM copied_ticks (n int)")
    await c.execute("INSERT INTO copied_ticks VALUES (0)")

    async def output(data):
        for line in data.splitlines():
            row("copied_ticks", int(line))

    await c.copy_from_query(
        "SELECT n FROM copied_ticks EMIT CHANGES WITH (snapshot = true) LIMIT 21", output=output, timeout=60
    )
    ok("copied_push")


async def copy(c):
    await c.execute("CREATE TABLE copied (n bigint PRIMARY KEY, t text, at timestamptz)")
    equal(await c.copy_records_to_table("copied", records=[(n, f"row {n}", None) for n in range(2000)]), "COPY 2000")
    lines = []

    async def output(data):
        lines.append(data)

    await c.copy_from_query("SELECT count(*), sum(n) FROM copied WHERE n >= $1", 1000, output=output, format="csv")
    equal(b"".join(lines), b"1000,1499500\n")
    await c.executemany("UPDATE copied SET t = $2 WHERE n = $1", [(n, "many") for n in range(200)])
    equal(await c.fetchval("SELECT count(*) FROM copied WHERE t = 'many'"), 200)
    ok("copy")


async def cursors(c):
    async with c.transaction():
        cursor = await c.cursor("SELECT n FROM copied ORDER BY n")
        equal([r["n"] for r in await cursor.fetch(3)], [0, 1, 2])
        equal(await cursor.forward(10), 10)
        equal((await cursor.fetchrow())["n"], 13)
        equal(len([r async for r in c.cursor("SELECT n FROM copied", prefetch=100)]), 2000)
    ok("cursors")


async def introspection(c):
    """The queries by which asyncpg learns types that it does not know, and a pool,
    which resets its connections."""
    statement = await c.prepare("SELECT ARRAY[now()], $1::int[], $2::uuid[], '{1}'::numeric[], current_database(), $3::regclass")
    equal([t.name for t in statement.get_parameters()], ["int4[]", "uuid[]", "regclass"])
    equal(statement.get_attributes()[1].type.name, "int4[]")
    await c.reload_schema_state()
    async with asyncpg.create_pool(min_size=1, max_size=3) as pool:
        for _ in range(3):
            async with pool.acquire() as pooled:
                equal(await pooled.fetchval("SELECT count(*) FROM copied"), 2000)
    ok("introspection")


async def created_types(c):
    """An enum and a composite type, whose binary form asyncpg learns from the server."""
    await c.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
    await c.execute("CREATE TYPE place AS (street text, number int, moods mood[])")
    await c.execute("CREATE TABLE people (id int PRIMARY KEY, m mood, ms mood[], p place, ps place[])")
    place = ("High Street", None, ["sad", "happy"])
    values = (1, "happy", ["sad", None], place, [place, ("", 2, None)])
    await c.execute("INSERT INTO people VALUES ($1, $2, $3, $4, $5)", *values)
    found = await c.fetchrow("SELECT * FROM people WHERE m = $1 AND p = $2", "happy", place)
    equal(tuple(found), values)
    equal(found["p"]["moods"], ["sad", "happy"])
    equal(await c.copy_records_to_table("people", records=[(2, *values[1:])]), "COPY 1")
    equal(await c.fetchval("SELECT count(*) FROM people WHERE ps = $1", values[4]), 2)
    await c.execute("DROP TABLE people")
    ok("created_types")


async def notify(c):
    await c.execute("CREATE STREAM listened (n int)")
    done = asyncio.get_running_loop().create_future()

    def listener(connection, pid, channel, payload):
        change = json.loads(payload)
        if change["rowop"] == "insert":
            row(channel, change["n"])
        if change.get("n") == 20:
            done.set_result(None)

    await c.add_listener("listened", listener)
    await c.execute("INSERT INTO listened VALUES (0)")
    await asyncio.wait_for(done, 60)
    await c.remove_listener("listened", listener)
    ok("notify")


async def repeatable(c):
    """A transaction that reads one state, and whose writes come too late."""
    other = await asyncpg.connect()
    try:
        async with c.transaction(isolation="repeatable_read"):
            equal(await c.fetchval("SELECT count(*) FROM copied WHERE n < 10"), 10)
            await other.execute("DELETE FROM copied WHERE n = 5")
            equal(await c.fetchval("SELECT count(*) FROM copied WHERE n < 10"), 10)
            await c.execute("UPDATE copied SET t = 'late' WHERE n = 5")
        raise AssertionError("the update was not refused")
    except asyncpg.SerializationError:
        pass
    async with c.transaction(isolation="serializable", readonly=True, deferrable=True):
        equal(await c.fetchval("SELECT count(*) FROM copied"), 1999)
    await other.close()
    ok("repeatable")


async def main():
    c = await connect()
    for step in types, prepared, transaction, cancel, push, copied_push, copy, cursors, introspection, created_types, notify, repeatable:
        await step(c)
    await c.close()


asyncio.run(main())
