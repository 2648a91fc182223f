// Drives a node with Knex: its queries, its definitions of tables, its migrations.

const { assert, cancelSleep, columns, definition, expectEverything, fails, records, run, settings } = require('./common.js')
const knex = require('knex')({ client: 'pg', connection: settings, pool: { min: 0, max: 3 } })

async function connect() {
  const { me } = await knex.first(knex.raw('current_user AS me'))
  assert.equal(me, settings.user)
}

async function types() {
  await knex.raw(definition)
  for (const record of records) await knex('everything').insert(record)
  const rows = await knex('everything').select(columns).orderBy('id')
  expectEverything(rows.map((row) => columns.map((name) => row[name])))
}

async function prepared() {
  await knex.schema.createTable('numbers', (table) => table.integer('n').primary())
  for (let n = 0; n < 1000; n++) await knex('numbers').insert({ n })
}

async function transaction() {
  const block = await knex.transaction()
  await block('numbers').insert({ n: 2000 })
  await fails('23505', block('numbers').insert({ n: 1 }))
  await fails('25P02', block.raw('SELECT 1'))
  await block.rollback()
  await knex.transaction(async (block) => {
    await block('numbers').insert({ n: 1000 })
    await fails('23505', block.transaction((inner) => inner('numbers').insert({ n: 1 })))
  })
}

async function cancel() {
  await Promise.all([fails('57014', knex.raw('SELECT pg_sleep(60)')), cancelSleep(async (text) => (await knex.raw(text)).rows)])
  await assert.rejects(knex.raw('SELECT pg_sleep(60)').timeout(100, { cancel: true }), { name: 'KnexTimeoutError' })
  await knex.raw('SELECT 1')
}

async function push() {
  await knex.raw('CREATE STREAM ticks (n int)')
  await knex('ticks').insert({ n: 0 })
  await follow()
  await knex.raw('SELECT 1')
}

// example: begin

// follow prints the rows of a stream as they come. The stream of node waits for batchSize
// rows; LIMIT behind EMIT CHANGES ends the query.
async function follow() {
  const rows = knex.raw('SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true) LIMIT 21').stream({ batchSize: 1 })
  for await (const { n } of rows) console.log('row ticks ' + n)
}

// example: end

// migrations are in the program: a source of Knex is where they are from.
const migrations = {
  create: {
    async up(knex) {
      await knex.schema.createTable('customers', (table) => {
        table.increments()
        table.string('name', 40).notNullable().unique()
        table.timestamps(true, true)
      })
      await knex.schema.createTable('orders', (table) => {
        table.bigIncrements('id')
        table.integer('customer').notNullable().index()
        table.decimal('amount', 10, 2).defaultTo(0)
        table.enu('state', ['new', 'paid']).defaultTo('new')
        table.jsonb('facts')
        table.comment('what was ordered')
      })
    },
    async down(knex) {
      await knex.schema.dropTable('orders').dropTableIfExists('customers')
    },
  },
  change: {
    async up(knex) {
      await knex('customers').insert({ name: 'first' })
      await knex.schema.alterTable('customers', (table) => {
        table.string('mail', 80)
        table.renameColumn('name', 'title')
        table.index(['title', 'mail'], 'customers_both')
      })
      await knex.schema.alterTable('orders', (table) => {
        table.text('note').notNullable().defaultTo('')
        table.decimal('amount', 12, 2).notNullable().alter()
        table.unique(['customer', 'note'])
        table.check('amount >= 0', [], 'amount_is_not_negative')
      })
    },
    async down(knex) {
      await knex.schema.alterTable('orders', (table) => {
        table.dropChecks('amount_is_not_negative')
        table.dropUnique(['customer', 'note'])
        table.dropColumn('note')
      })
      await knex.schema.alterTable('customers', (table) => {
        table.dropIndex([], 'customers_both')
        table.renameColumn('title', 'name')
        table.dropColumn('mail')
      })
    },
  },
}

const source = {
  migrationSource: {
    getMigrations: async () => ['create', 'change'],
    getMigrationName: (name) => name,
    getMigration: async (name) => migrations[name],
  },
}

async function migrate() {
  assert.deepEqual((await knex.migrate.latest(source))[1], ['create', 'change'])
  const info = await knex('orders').columnInfo()
  assert.deepEqual(Object.keys(info), ['id', 'customer', 'amount', 'state', 'facts', 'note'])
  assert.deepEqual([info.amount.type, info.amount.nullable, info.state.maxLength], ['numeric', false, null])
  assert.equal(await knex.schema.hasTable('customers') && await knex.schema.hasColumn('customers', 'title'), true)
}

async function builder() {
  const ids = await knex('customers').insert([{ title: 'a' }, { title: 'b' }]).returning('id')
  assert.deepEqual(ids, [{ id: 2 }, { id: 3 }])
  await knex.batchInsert('orders', Array.from({ length: 30 }, (_, i) => ({ customer: 1 + i % 3, amount: i, note: String(i), facts: { i } })), 10)
  const sums = await knex('orders as o').join('customers as c', 'c.id', 'o.customer')
    .groupBy('c.title').select('c.title').sum('o.amount as sum').count('* as count').having('c.title', '>=', 'a').orderBy('c.title')
  assert.deepEqual(sums, [
    { title: 'a', sum: '145.00', count: '10' }, { title: 'b', sum: '155.00', count: '10' }, { title: 'first', sum: '135.00', count: '10' },
  ])
  await knex('customers').insert({ title: 'a', mail: 'a@example.org' }).onConflict('title').merge(['mail'])
  await knex('customers').insert({ title: 'a', mail: 'again' }).onConflict('title').ignore()
  assert.equal((await knex('customers').where({ title: 'a' }).first()).mail, 'a@example.org')
  assert.equal(await knex('orders').whereJsonSupersetOf('facts', { i: 27 }).update({ state: 'paid' }), 1)
  const latest = await knex.with('large', knex('orders').where('amount', '>', 20)).from('large')
    .select('id', knex.raw('row_number() OVER (PARTITION BY customer ORDER BY id) AS place')).whereIn('customer', [1, 2]).limit(2).offset(1).orderBy('id')
  assert.equal(latest.length, 2)
  assert.equal(await knex('orders').whereExists(knex('customers').whereRaw("orders.customer = customers.id AND title = 'b'")).del(), 10)
  await knex.transaction((block) => block('orders').where({ customer: 1 }).forUpdate().skipLocked())
  await fails('23514', knex('orders').insert({ customer: 1, amount: -1, note: 'bad' }))
}

async function rollback() {
  assert.deepEqual((await knex.migrate.rollback(source, true))[1], ['change', 'create'])
  assert.equal(await knex.schema.hasTable('orders'), false)
}

run({ connect, types, prepared, transaction, cancel, push, migrate, builder, rollback }).then(() => knex.destroy())
