// Drives a node with node-postgres and its companions pg-cursor, pg-query-stream and
// pg-copy-streams.

const { assert, columns, definition, expectEverything, fails, parameters, row, run, settings, values } = require('./common.js')
const pg = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')
const { from: copyFrom, to: copyTo } = require('pg-copy-streams')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')

const client = new pg.Client(settings)

async function connect() {
  await client.connect()
  const { rows } = await client.query('SELECT current_user AS me')
  assert.equal(rows[0].me, settings.user)
}

async function types() {
  await client.query(definition)
  const places = columns.map((_, i) => '$' + (i + 1)).join(', ')
  for (const parameter of parameters) {
    const { command, rowCount } = await client.query(`INSERT INTO everything VALUES (${places})`, parameter)
    assert.deepEqual([command, rowCount], ['INSERT', 1])
  }
  const { rows } = await client.query({ text: 'SELECT * FROM everything ORDER BY id', rowMode: 'array' })
  expectEverything(rows)
  const { rows: binary } = await client.query({ text: 'SELECT b, i2, i4, f8, t, ia FROM everything WHERE id = 1', binary: true, rowMode: 'array' })
  assert.deepEqual(binary[0], [true, -32768, 2147483647, 0.1, values[0][8], [1, null, -3]])
}

async function prepared() {
  await client.query('CREATE TABLE numbers (n int PRIMARY KEY)')
  for (let n = 0; n < 1000; n++) {
    await client.query({ name: 'put', text: 'INSERT INTO numbers VALUES ($1)', values: [n] })
  }
}

async function transaction() {
  await client.query('BEGIN')
  await client.query('INSERT INTO numbers VALUES (2000)')
  await assert.rejects(client.query('INSERT INTO numbers VALUES (1)'), (error) => {
    const { code, schema, table, constraint } = error
    assert.deepEqual([code, schema, table, constraint], ['23505', 'public', 'numbers', 'numbers_pkey'])
    return true
  })
  await fails('25P02', client.query('SELECT 1'))
  await client.query('ROLLBACK')
  await client.query('BEGIN')
  await client.query('INSERT INTO numbers VALUES (1000)')
  await client.query('SAVEPOINT before')
  await fails('23505', client.query('INSERT INTO numbers VALUES (1)'))
  await client.query('ROLLBACK TO SAVEPOINT before')
  await client.query('COMMIT')
}

// cancelStatement ends the statement that a connection runs, from another one.
async function cancelStatement(running) {
  const other = new pg.Client(settings)
  await other.connect()
  for (;;) { // a request that comes before the statement has begun does nothing
    const { rowCount } = await other.query("SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active'", [running.processID])
    if (rowCount === 1) break
  }
  await other.query('SELECT pg_cancel_backend($1)', [running.processID])
  await other.end()
}

async function cancel() {
  await Promise.all([fails('57014', client.query('SELECT pg_sleep(60)')), cancelStatement(client)])
  await client.query('SELECT 1')
}

// stream makes a stream with its row 0.
async function stream(name) {
  await client.query(`CREATE STREAM ${name} (n int)`)
  await client.query(`INSERT INTO ${name} VALUES (0)`)
}

async function push() {
  await stream('ticks')
  await follow()
  await client.query('SELECT 1')
}

// example: begin

// follow prints the rows of a stream as they come. pg-cursor waits for as many rows as it
// is asked for, so it is asked for one.
async function follow() {
  const cursor = client.query(new Cursor('SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)'))
  for (;;) {
    const [{ n }] = await cursor.read(1)
    console.log('row ticks ' + n)
    if (n === 20) break
  }
  await cursor.close()
}

// example: end

// rowEvents follows with a plain query, whose rows are events.
async function rowEvents() {
  const query = new pg.Query('SELECT n FROM ticks2 EMIT CHANGES WITH (snapshot = true)')
  query.on('row', ({ n }) => {
    row('ticks2', n)
    if (n === 20) cancelStatement(client)
  })
  await stream('ticks2')
  await fails('57014', new Promise((resolve, reject) => {
    query.on('error', reject)
    query.on('end', resolve)
    client.query(query)
  }))
}

async function queryStream() {
  await stream('ticks3')
  const rows = client.query(new QueryStream('SELECT n FROM ticks3 EMIT CHANGES WITH (snapshot = true)', [], { batchSize: 1 }))
  await fails('57014', (async () => { // the stream reads ahead, so that only a cancel ends it
    for await (const { n } of rows) {
      row('ticks3', n)
      if (n === 20) cancelStatement(client)
    }
  })())
  let sum = 0
  for await (const { i } of client.query(new QueryStream('SELECT i FROM generate_series(1, $1::int) AS i', [1000], { batchSize: 10 }))) sum += i
  assert.equal(sum, 500500)
}

async function copiedPush() {
  await stream('ticks4')
  const lines = client.query(copyTo('COPY (SELECT n FROM ticks4 EMIT CHANGES WITH (snapshot = true)) TO STDOUT'))
  await fails('57014', (async () => {
    for await (const line of lines) {
      row('ticks4', Number(line))
      if (Number(line) === 20) cancelStatement(client)
    }
  })())
}

// createdTypes reads enums and composite values, which are strings here: the library
// knows no type by its name.
async function createdTypes() {
  await client.query("CREATE TYPE mood AS ENUM ('sad', 'happy')")
  await client.query('CREATE TYPE place AS (street text, number int)')
  await client.query('CREATE TABLE people (id int PRIMARY KEY, m mood, ms mood[], p place)')
  await client.query('INSERT INTO people VALUES ($1, $2, $3, $4)', [1, 'happy', ['sad', null], '("High Street",)'])
  const { rows, fields } = await client.query('SELECT m, ms, p, (p).street FROM people WHERE m = ANY ($1) AND p = $2', [['happy'], '("High Street",)'])
  assert.deepEqual(rows, [{ m: 'happy', ms: '{sad,NULL}', p: '("High Street",)', street: 'High Street' }])
  const { rows: oid } = await client.query("SELECT oid, typarray FROM pg_type WHERE typname = 'mood'")
  assert.deepEqual([fields[0].dataTypeID, fields[1].dataTypeID], [oid[0].oid, oid[0].typarray])
  client.setTypeParser(oid[0].typarray, (text) => pg.types.getTypeParser(1009)(text))
  const { rows: parsed } = await client.query('SELECT ms FROM people')
  assert.deepEqual(parsed, [{ ms: ['sad', null] }])
  await client.query('DROP TABLE people')
}

// example: begin notify
// listen follows a stream by notifications, on a connection that can run other statements.
async function listen() {
  await client.query('LISTEN listened')
  const done = new Promise((resolve) => {
    client.on('notification', ({ channel, payload }) => {
      const { rowop, n } = JSON.parse(payload)
      if (rowop === 'insert') row(channel, n)
      if (n === 20) resolve()
    })
  })
  await client.query('INSERT INTO listened VALUES (0)')
  await done
  await client.query('UNLISTEN listened')
}
// example: end

async function notify() {
  await client.query('LISTEN gate')
  const opened = new Promise((resolve) => { client.once('notification', resolve) })
  await client.query("NOTIFY gate, 'opened'")
  const { channel, payload, processId } = await opened
  assert.deepEqual({ channel, payload, processId }, { channel: 'gate', payload: 'opened', processId: client.processID })
  await client.query('CREATE STREAM listened (n int)')
  await listen()
}

async function copy() {
  await client.query('CREATE TABLE copied (k int PRIMARY KEY, v text)')
  await pipeline(Readable.from(['1\tone\n', '2\t', 'two\n3\t\\N\n']), client.query(copyFrom('COPY copied FROM STDIN')))
  await fails('23505', pipeline(Readable.from(['1\tagain\n']), client.query(copyFrom('COPY copied FROM STDIN'))))
  const parts = []
  for await (const part of client.query(copyTo('COPY (SELECT * FROM copied ORDER BY k) TO STDOUT (FORMAT csv, HEADER)'))) parts.push(part)
  assert.equal(Buffer.concat(parts).toString(), 'k,v\n1,one\n2,two\n3,\n')
}

async function cursors() {
  const cursor = client.query(new Cursor('SELECT i FROM generate_series(1, $1::int) AS i', [10]))
  assert.deepEqual((await cursor.read(4)).map(({ i }) => i), [1, 2, 3, 4])
  assert.equal((await cursor.read(4)).length, 4)
  await cursor.close()
  const results = await client.query('SELECT 1 AS a; SELECT 2 AS b')
  assert.deepEqual(results.map(({ rows }) => rows), [[{ a: 1 }], [{ b: 2 }]])
}

async function pool() {
  const pool = new pg.Pool({ ...settings, max: 4 })
  const results = await Promise.all(Array.from({ length: 20 }, (_, i) => pool.query('SELECT $1::int AS i', [i])))
  assert.deepEqual(results.map(({ rows }) => rows[0].i), Array.from({ length: 20 }, (_, i) => i))
  await pool.end()
}

run({
  connect, types, prepared, transaction, cancel, push,
  row_events: rowEvents, query_stream: queryStream, copied_push: copiedPush, created_types: createdTypes, notify, copy, cursors, pool,
}).then(() => client.end())
