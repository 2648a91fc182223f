// Drives a node with postgres.js, which prepares every statement and pipelines.

const { assert, columns, definition, fails, parameters, row, run, settings, values } = require('./common.js')
const postgres = require('postgres')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')

const sql = postgres({
  ...settings,
  username: settings.user,
  max: 1,
  onnotice: () => {},
  // A Date has milliseconds only: times that are given as text keep their microseconds.
  types: {
    date: {
      to: 1184,
      from: [1082, 1114, 1184],
      serialize: (value) => (value instanceof Date ? value.toISOString() : value),
      parse: (text) => new Date(text),
    },
  },
})

async function connect() {
  const [{ me }] = await sql`SELECT current_user AS me`
  assert.equal(me, settings.user)
}

async function types() {
  await sql.unsafe(definition).simple()
  const j = columns.indexOf('j')
  const names = sql.unsafe(columns.map((name) => `"${name}"`).join(', '))
  for (const [i, parameter] of parameters.entries()) {
    // postgres.js makes JSON of whatever a parameter of this type is.
    const given = parameter.with(j, values[i][j]).with(j + 1, values[i][j + 1])
    const places = given.map((_, at) => '$' + (at + 1)).join(', ')
    assert.equal((await sql.unsafe(`INSERT INTO everything VALUES (${places})`, given, { prepare: true })).count, 1)
  }
  const want = values.map((one, i) => one.with(columns.indexOf('iv'), ['2 days 03:04:05.5', null, '00:00:00'][i]))
  want[0].splice(columns.indexOf('ia'), 2, [1, NaN, -3], ['a', 'b c', 'NULL', '']) // it reads no NULL within an array
  assert.deepEqual([...await sql`SELECT ${names} FROM everything ORDER BY id`.values()], want)
}

async function prepared() {
  await sql`CREATE TABLE numbers (n int PRIMARY KEY)`
  const inserts = []
  for (let n = 0; n < 500; n++) inserts.push(sql`INSERT INTO numbers VALUES (${n})`) // these are pipelined
  await Promise.all(inserts)
  for (let n = 500; n < 1000; n++) await sql`INSERT INTO numbers VALUES (${n})`
}

async function transaction() {
  await fails('23505', sql.begin(async (block) => {
    await block`INSERT INTO numbers VALUES (2000)`
    await fails('23505', block`INSERT INTO numbers VALUES (1)`)
    await fails('25P02', block`SELECT 1`)
  }))
  await sql.begin(async (block) => {
    await block`INSERT INTO numbers VALUES (1000)`
    await fails('23505', block.savepoint((inner) => inner`INSERT INTO numbers VALUES (1)`))
  })
}

async function cancel() {
  const sleep = sql`SELECT pg_sleep(60)`
  const repeated = setInterval(() => sleep.cancel(), 50) // a request that comes before the statement has begun does nothing
  await fails('57014', sleep)
  clearInterval(repeated)
  await sql`SELECT 1`
}

async function stream(name) {
  await sql`CREATE STREAM ${sql(name)} (n int)`
  await sql`INSERT INTO ${sql(name)} VALUES (0)`
}

async function push() {
  await stream('ticks')
  await follow()
  await sql`SELECT 1`
}

// example: begin

// follow prints the rows of a stream as they come: forEach is called with each. The query
// ends when it is cancelled.
async function follow() {
  const query = sql`SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)`
  try {
    await query.forEach(({ n }) => {
      console.log('row ticks ' + n)
      if (n === 20) query.cancel()
    })
  } catch (error) {
    if (error.code !== '57014') throw error // query_canceled
  }
}

// example: end

async function cursorPush() {
  await stream('ticks2')
  for await (const [{ n }] of sql`SELECT n FROM ticks2 EMIT CHANGES WITH (snapshot = true)`.cursor(1)) {
    row('ticks2', n)
    if (n === 20) break
  }
  await sql`SELECT 1`
}

async function copiedPush() {
  await stream('ticks3')
  const lines = await sql`COPY (SELECT n FROM ticks3 EMIT CHANGES WITH (snapshot = true) LIMIT 21) TO STDOUT`.readable()
  for await (const line of lines) row('ticks3', Number(line))
}

async function copy() {
  await sql`CREATE TABLE copied (k int PRIMARY KEY, v text)`
  await pipeline(Readable.from(['1\tone\n', '2\t', 'two\n3\t\\N\n']), await sql`COPY copied FROM STDIN`.writable())
  const parts = []
  for await (const part of await sql`COPY (SELECT * FROM copied ORDER BY k) TO STDOUT (FORMAT csv, HEADER)`.readable()) parts.push(part)
  assert.equal(Buffer.concat(parts).toString(), 'k,v\n1,one\n2,two\n3,\n')
}

async function helpers() {
  const people = [{ k: 10, v: 'ten' }, { k: 11, v: 'eleven' }]
  assert.deepEqual([...await sql`INSERT INTO copied ${sql(people)} RETURNING *`], people)
  await sql`UPDATE copied SET ${sql({ v: 'TEN' }, 'v')} WHERE k = ${10}`
  assert.deepEqual([...await sql`SELECT v FROM copied WHERE k IN ${sql([10, 11])} AND k = ANY(${[10, 12]})`], [{ v: 'TEN' }])
  const statement = await sql`SELECT k, v FROM copied WHERE k = ${1}`.describe()
  assert.deepEqual([statement.types, statement.columns.map(({ type }) => type)], [[23], [23, 25]])
  const sizes = []
  for await (const rows of sql`SELECT i FROM generate_series(1, ${10}::int) AS i`.cursor(4)) sizes.push(rows.length)
  assert.deepEqual(sizes, [4, 4, 2])
}

async function notify() {
  await sql`CREATE STREAM listened (n int)`
  const gate = new Promise((resolve) => { sql.listen('gate', resolve, () => sql.notify('gate', 'opened')) })
  assert.equal(await gate, 'opened')
  let told
  const done = new Promise((resolve) => {
    told = (payload) => {
      const { rowop, n } = JSON.parse(payload)
      if (rowop === 'insert') row('listened', n)
      if (n === 20) resolve()
    }
  })
  const { unlisten } = await sql.listen('listened', told)
  await sql`INSERT INTO listened VALUES (0)`
  await done
  await unlisten()
}

run({
  connect, types, prepared, transaction, cancel, push,
  cursor_push: cursorPush, copied_push: copiedPush, notify, copy, helpers,
}).then(() => sql.end())
