// What the clients in JavaScript share: the steps' lines and the values of all types.

process.env.TZ = 'UTC' // the drivers make a Date of date and timestamp in this zone

const assert = require('node:assert/strict')
const fs = require('node:fs')

const environment = process.env

// settings are the parameters of a connection as node-postgres and postgres.js name them.
const settings = {
  host: environment.PGHOST,
  port: Number(environment.PGPORT),
  user: environment.PGUSER,
  password: environment.PGPASSWORD,
  database: environment.PGDATABASE,
  ssl: { ca: fs.readFileSync(environment.PGSSLROOTCERT, 'utf8') },
}

const definition = fs.readFileSync('../everything.sql', 'utf8')
const columns = 'id b i2 i4 i8 f4 f8 n t vc ch by d ti ts tz iv u j jb ia ta'.split(' ')

// parameters are the rows of the table as they are sent. A Date has milliseconds only, so
// that times with microseconds are text, and so is the JSON that is an array or a string.
const parameters = [
  [
    1, true, -32768, 2147483647, '-9223372036854775808', 1.5, 0.1, '1234567890123456.7890',
    "grün ☃ 'quoted' \\ back", 'varying', 'fixed ', Buffer.from([0, 0xff, 0x10]),
    '2024-02-29', '23:59:59.123456', '2001-01-01 12:34:56.789', '2024-06-30 23:59:59.999999Z',
    '2 days 03:04:05.5', '00112233-4455-6677-8899-aabbccddeeff',
    { a: [1, null, 'x'] }, { b: { c: true } }, [1, null, -3], ['a', 'b c', null, ''],
  ],
  [2, ...new Array(21).fill(null)],
  [
    3, false, 0, 0, 0, NaN, -Infinity, '0.0000', '', '', ' '.repeat(6), Buffer.alloc(0),
    '1970-01-01', '00:00:00', new Date(0), new Date(0), '0', '00000000-0000-0000-0000-000000000000',
    '[]', '"text"', [], [],
  ],
]

// values are the rows as they are read.
const values = parameters.map((row) => row.slice())
for (const [column, ...ofRow] of [
  ['i8', '-9223372036854775808', null, '0'],
  ['d', new Date(Date.UTC(2024, 1, 29)), null, new Date(0)],
  ['ts', new Date(Date.UTC(2001, 0, 1, 12, 34, 56, 789)), null, new Date(0)],
  ['tz', new Date(Date.UTC(2024, 5, 30, 23, 59, 59, 999)), null, new Date(0)],
  ['j', { a: [1, null, 'x'] }, null, []],
  ['jb', { b: { c: true } }, null, 'text'],
]) {
  for (const i of [0, 1, 2]) values[i][columns.indexOf(column)] = ofRow[i]
}

// records are the rows as objects, as the mappers take them.
const records = parameters.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])))

// expectEverything compares rows, each a list, as node-postgres reads them: an interval
// is an object without the parts that are 0.
function expectEverything(rows) {
  const interval = columns.indexOf('iv')
  assert.deepEqual(rows.map((row) => row.with(interval, row[interval] && { ...row[interval] })),
    values.map((row, i) => row.with(interval, [{ days: 2, hours: 3, minutes: 4, seconds: 5, milliseconds: 500 }, null, {}][i])))
}

function ok(step) {
  console.log('ok ' + step)
}

function row(stream, n) {
  console.log(`row ${stream} ${n}`)
}

// fails expects an operation to fail with an SQLSTATE.
async function fails(code, operation) {
  await assert.rejects(operation, (error) => {
    assert.equal((error.cause ?? error).code, code, error.message)
    return true
  })
}

// cancelSleep ends the statement that sleeps, which another connection of a library runs.
async function cancelSleep(query) {
  for (;;) { // until the statement has begun there is none
    const rows = await query("SELECT pg_cancel_backend(pid) AS sent FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'")
    if (rows.length === 1) return
  }
}

// run takes the steps one after the other, and ends the program with 1 when one fails.
async function run(steps) {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step()
    } catch (error) {
      console.log(`${name} failed:`, error)
      process.exit(1)
    }
    ok(name)
  }
}

module.exports = { assert, cancelSleep, columns, definition, expectEverything, fails, parameters, records, row, run, settings, values }
