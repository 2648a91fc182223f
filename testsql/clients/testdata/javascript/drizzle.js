// Drives a node with Drizzle: its queries, prepared ones and its migrations.

const { assert, cancelSleep, columns, definition, fails, parameters, run, settings, values } = require('./common.js')
const { and, count, desc, eq, gt, inArray, relations, sql, sum } = require('drizzle-orm')
const { drizzle } = require('drizzle-orm/node-postgres')
const { migrate: runMigrations } = require('drizzle-orm/node-postgres/migrator')
const p = require('drizzle-orm/pg-core')
const { Pool } = require('pg')

const bytea = p.customType({ dataType: () => 'bytea' })
const everything = p.pgTable('everything', {
  id: p.integer().primaryKey(),
  b: p.boolean(), i2: p.smallint(), i4: p.integer(), i8: p.bigint({ mode: 'bigint' }), f4: p.real(), f8: p.doublePrecision(),
  n: p.numeric({ precision: 20, scale: 4 }), t: p.text(), vc: p.varchar({ length: 20 }), ch: p.char({ length: 6 }), by: bytea(),
  d: p.date(), ti: p.time(), ts: p.timestamp({ mode: 'string' }), tz: p.timestamp({ mode: 'string', withTimezone: true }),
  iv: p.interval(), u: p.uuid(), j: p.json(), jb: p.jsonb(), ia: p.integer().array(), ta: p.text().array(),
})
const numbers = p.pgTable('numbers', { n: p.integer().primaryKey() })
const state = p.pgEnum('state', ['new', 'paid'])
const customers = p.pgTable('customers', { id: p.serial().primaryKey(), name: p.varchar({ length: 40 }).notNull().unique(), facts: p.jsonb().notNull().default({}) })
const orders = p.pgTable('orders', {
  id: p.uuid().primaryKey().defaultRandom(),
  customer: p.integer().notNull(),
  amount: p.numeric({ precision: 10, scale: 2 }).default('0'),
  state: state().notNull().default('new'),
  made: p.timestamp({ withTimezone: true }).notNull().defaultNow(),
})
const customersRelations = relations(customers, ({ many }) => ({ orders: many(orders) }))
const ordersRelations = relations(orders, ({ one }) => ({ of: one(customers, { fields: [orders.customer], references: [customers.id] }) }))

const pool = new Pool({ ...settings, max: 3 })
const db = drizzle(pool, { schema: { customers, orders, customersRelations, ordersRelations } })

async function connect() {
  const { rows } = await db.execute(sql`SELECT current_user AS me`)
  assert.equal(rows[0].me, settings.user)
}

async function types() {
  await db.execute(definition)
  // Times with time zone are text here, and JSON is made of whatever a value is.
  const changed = {
    i8: [-9223372036854775808n, null, 0n], d: ['2024-02-29', null, '1970-01-01'], ti: ['23:59:59.123456', null, '00:00:00'],
    ts: ['2001-01-01 12:34:56.789', null, '1970-01-01 00:00:00'], tz: ['2024-06-30 23:59:59.999999+00', null, '1970-01-01 00:00:00+00'],
    iv: ['2 days 03:04:05.5', null, '00:00:00'], j: values.map((row) => row[columns.indexOf('j')]), jb: values.map((row) => row[columns.indexOf('jb')]),
  }
  const rows = parameters.map((row, i) => Object.fromEntries(columns.map((name, at) => [name, changed[name] ? changed[name][i] : row[at]])))
  await db.insert(everything).values(rows)
  assert.deepEqual(await db.select().from(everything).orderBy(everything.id), rows)
}

async function prepared() {
  await db.execute('CREATE TABLE numbers (n int PRIMARY KEY)')
  const put = db.insert(numbers).values({ n: sql.placeholder('n') }).prepare('put')
  for (let n = 0; n < 1000; n++) await put.execute({ n })
}

async function transaction() {
  await fails('23505', db.transaction(async (block) => {
    await block.insert(numbers).values({ n: 2000 })
    await fails('23505', block.insert(numbers).values({ n: 1 }))
    await fails('25P02', block.execute('SELECT 1'))
    throw Object.assign(new Error('the transaction is rolled back'), { code: '23505' })
  }))
  await db.transaction(async (block) => {
    await block.insert(numbers).values({ n: 1000 })
    await fails('23505', block.transaction((inner) => inner.insert(numbers).values({ n: 1 })))
  })
}

async function cancel() {
  await Promise.all([fails('57014', db.execute('SELECT pg_sleep(60)')), cancelSleep(async (text) => (await db.execute(text)).rows)])
  await db.execute('SELECT 1')
}

async function push() {
  await db.execute('CREATE STREAM ticks (n int)')
  await db.execute('INSERT INTO ticks VALUES (0)')
  await follow()
  await db.execute('SELECT 1')
}

// example: begin

// follow prints the rows of a stream as they come, with a cursor on the server: a FETCH
// waits for a row and gives all that are there.
async function follow() {
  await db.transaction(async (block) => {
    await block.execute(sql`DECLARE changes CURSOR FOR SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)`)
    for (let last = 0; last < 20;) {
      const { rows } = await block.execute(sql`FETCH ALL FROM changes`)
      for (const { n } of rows) {
        console.log('row ticks ' + n)
        last = n
      }
    }
  })
}

// example: end

async function migrate() {
  for (let times = 0; times < 2; times++) await runMigrations(db, { migrationsFolder: 'drizzle' }) // again is nothing to do
  assert.equal((await db.execute('SELECT count(*)::int AS n FROM drizzle.__drizzle_migrations')).rows[0].n, 2)
}

async function queries() {
  const made = await db.insert(customers).values(['a', 'b', 'c'].map((name, i) => ({ name, facts: { i } }))).returning({ id: customers.id })
  assert.deepEqual(made, [{ id: 1 }, { id: 2 }, { id: 3 }])
  await db.insert(orders).values(Array.from({ length: 30 }, (_, i) => ({ customer: 1 + i % 3, amount: String(i), state: i > 27 ? 'paid' : 'new' })))
  const sums = await db.select({ name: customers.name, sum: sum(orders.amount), n: count() }).from(orders)
    .innerJoin(customers, eq(customers.id, orders.customer)).where(gt(orders.amount, '2')).groupBy(customers.name).orderBy(desc(customers.name))
  assert.deepEqual(sums, [{ name: 'c', sum: '153.00', n: 9 }, { name: 'b', sum: '144.00', n: 9 }, { name: 'a', sum: '135.00', n: 9 }])
  const found = await db.query.customers.findMany({ where: eq(customers.name, 'c'), with: { orders: { where: eq(orders.state, 'paid'), orderBy: orders.amount } } })
  assert.deepEqual([found.length, found[0].facts, found[0].orders.map(({ amount, state }) => [Number(amount), state])], [1, { i: 2 }, [[29, 'paid']]])
  await db.insert(customers).values({ name: 'a', facts: { again: true } }).onConflictDoUpdate({ target: customers.name, set: { facts: { again: true } } })
  assert.deepEqual(await db.select({ facts: customers.facts }).from(customers).where(eq(customers.name, 'a')), [{ facts: { again: true } }])
  assert.equal((await db.update(orders).set({ state: 'paid' }).where(and(inArray(orders.customer, [1, 2]), eq(orders.state, 'new')))).rowCount, 19)
  assert.equal(await db.$count(orders, eq(orders.state, 'paid')), 21)
  await db.transaction((block) => block.select().from(customers).where(eq(customers.id, 1)).for('update'))
  await fails('23514', db.insert(orders).values({ customer: 1, amount: '-1' }))
  await fails('22P02', db.insert(orders).values({ customer: 1, state: 'lost' }))
  assert.equal((await db.delete(orders).where(eq(orders.customer, 3))).rowCount, 10)
}

run({ connect, types, prepared, transaction, cancel, push, migrate, queries }).then(() => pool.end())
