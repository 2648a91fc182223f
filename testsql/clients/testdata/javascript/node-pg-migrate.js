// Drives a node with node-pg-migrate.

const { assert, run, settings } = require('./common.js')
const pg = require('pg')

const client = new pg.Client(settings)

async function migrate(direction, count) {
  const { runner } = await import(`${process.env.MILLRACE_KIT}/node_modules/node-pg-migrate/dist/bundle/index.js`)
  const done = await runner({ dbClient: client, dir: 'migrations', migrationsTable: 'migrations', direction, count, log: () => {} })
  return done.map(({ name }) => name.slice(14))
}

async function up() {
  assert.deepEqual(await migrate('up', Infinity), ['create', 'change'])
  assert.deepEqual(await migrate('up', Infinity), [])
  assert.deepEqual((await client.query('SELECT name, price, tags, remark FROM parts')).rows, [{ name: 'bolt', price: '7.00', tags: [], remark: null }])
  assert.deepEqual((await client.query('SELECT * FROM by_price')).rows, [{ price: '7.00', n: '1' }])
}

async function down() {
  assert.deepEqual(await migrate('down', 2), ['change', 'create'])
  assert.equal((await client.query("SELECT to_regclass('parts') AS parts")).rows[0].parts, null)
}

client.connect().then(() => run({ up, down })).then(() => client.end())
