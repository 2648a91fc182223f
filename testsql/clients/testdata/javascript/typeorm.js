// Drives a node with TypeORM: entities, the tables that it makes of them, migrations.

require('reflect-metadata')
const { assert, cancelSleep, columns, definition, expectEverything, fails, records, run, settings, values } = require('./common.js')
const { ArrayContains, DataSource, EntitySchema, ILike, In, LessThan, MoreThan, Table, TableCheck, TableColumn, TableIndex } = require('typeorm')

const nullable = true
const Everything = new EntitySchema({
  name: 'everything',
  synchronize: false,
  columns: {
    id: { type: 'int', primary: true },
    b: { type: 'bool', nullable }, i2: { type: 'smallint', nullable }, i4: { type: 'int', nullable }, i8: { type: 'bigint', nullable },
    f4: { type: 'real', nullable }, f8: { type: 'double precision', nullable },
    n: { type: 'numeric', precision: 20, scale: 4, nullable },
    t: { type: 'text', nullable }, vc: { type: 'varchar', length: 20, nullable }, ch: { type: 'char', length: 6, nullable },
    by: { type: 'bytea', nullable }, d: { type: 'date', nullable }, ti: { type: 'time', nullable }, ts: { type: 'timestamp', nullable },
    tz: { type: 'text', nullable }, // of a timestamptz it would make a Date, which has milliseconds only
    iv: { type: 'interval', nullable }, u: { type: 'uuid', nullable },
    j: { type: 'json', nullable }, jb: { type: 'jsonb', nullable },
    ia: { type: 'int', array: true, nullable }, ta: { type: 'text', array: true, nullable },
  },
})

const Number_ = new EntitySchema({ name: 'numbers', synchronize: false, columns: { n: { type: 'int', primary: true } } })

const Customer = new EntitySchema({
  name: 'customer',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    name: { type: 'varchar', length: 40, unique: true },
    facts: { type: 'jsonb', default: {} },
    since: { type: 'timestamptz', createDate: true },
    changes: { type: 'int', version: true },
    gone: { type: 'timestamptz', deleteDate: true },
  },
  relations: { orders: { type: 'one-to-many', target: 'order', inverseSide: 'customer' } },
})

const Order = new EntitySchema({
  name: 'order',
  columns: {
    id: { type: 'uuid', primary: true, generated: 'uuid' },
    amount: { type: 'numeric', precision: 10, scale: 2, default: 0 },
    made: { type: 'date' },
    tags: { type: 'text', array: true, nullable },
  },
  relations: { customer: { type: 'many-to-one', target: 'customer', inverseSide: 'orders', createForeignKeyConstraints: false } },
  indices: [{ name: 'order_made', columns: ['made', 'amount'] }],
  checks: [{ name: 'not_negative', expression: 'amount >= 0' }],
})

class Grown1700000000000 {
  async up(runner) {
    await runner.createTable(new Table({
      name: 'shelf',
      columns: [
        { name: 'id', type: 'bigint', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
        { name: 'label', type: 'varchar', length: '20', isNullable: false, isUnique: true },
      ],
    }), true)
    await runner.query("INSERT INTO shelf (label) VALUES ('first')")
    await runner.addColumn('shelf', new TableColumn({ name: 'places', type: 'int', default: 7 }))
    await runner.changeColumn('shelf', 'places', new TableColumn({ name: 'capacity', type: 'int', default: 7 }))
    await runner.createIndex('shelf', new TableIndex({ name: 'shelf_capacity', columnNames: ['capacity'] }))
    await runner.createCheckConstraint('shelf', new TableCheck({ name: 'has_places', expression: 'capacity > 0' }))
  }

  async down(runner) {
    await runner.dropCheckConstraint('shelf', 'has_places')
    await runner.dropIndex('shelf', 'shelf_capacity')
    await runner.dropColumn('shelf', 'capacity')
    await runner.dropTable('shelf')
  }
}

const { user: username, ...rest } = settings
const source = new DataSource({
  type: 'postgres', ...rest, username,
  entities: [Everything, Number_, Customer, Order], migrations: [Grown1700000000000],
  uuidExtension: 'pgcrypto', installExtensions: false, // gen_random_uuid is built in
})
const { manager } = source

async function connect() {
  await source.initialize()
  assert.equal((await source.query('SELECT current_user AS me'))[0].me, username)
}

async function types() {
  await source.query(definition)
  const j = columns.indexOf('j')
  for (const [i, record] of records.entries()) {
    await manager.insert(Everything, { ...record, j: values[i][j], jb: values[i][j + 1] }) // TypeORM makes JSON of whatever it is
  }
  const rows = await source.createQueryBuilder(Everything, 'everything').select(columns.map((name) => `everything.${name} AS "${name}"`)).orderBy('everything.id').getRawMany()
  expectEverything(rows.map((row) => columns.map((name) => row[name])))
  const [first] = await manager.find(Everything, { order: { id: 'ASC' } })
  assert.deepEqual([first.i8, first.d, first.jb, first.ta], ['-9223372036854775808', '2024-02-29', { b: { c: true } }, ['a', 'b c', null, '']])
}

async function prepared() {
  await source.query('CREATE TABLE numbers (n int PRIMARY KEY)')
  for (let n = 0; n < 1000; n++) await manager.insert(Number_, { n })
}

async function transaction() {
  const runner = source.createQueryRunner()
  await runner.startTransaction()
  await runner.manager.insert(Number_, { n: 2000 })
  await fails('23505', runner.manager.insert(Number_, { n: 1 }))
  await fails('25P02', runner.query('SELECT 1'))
  await runner.rollbackTransaction()
  await runner.release()
  await manager.transaction(async (block) => {
    await block.insert(Number_, { n: 1000 })
    await fails('23505', block.transaction((inner) => inner.insert(Number_, { n: 1 })))
  })
}

async function cancel() {
  await Promise.all([fails('57014', source.query('SELECT pg_sleep(60)')), cancelSleep((text) => source.query(text))])
  await source.query('SELECT 1')
}

async function push() {
  await source.query('CREATE STREAM ticks (n int)')
  await source.query('INSERT INTO ticks VALUES (0)')
  await follow()
  await source.query('SELECT 1')
}

// example: begin

// follow prints the rows of a stream as they come, with a cursor on the server: a FETCH
// waits for a row and gives all that are there. (TypeORM's stream() waits for 100.)
async function follow() {
  const runner = source.createQueryRunner()
  await runner.startTransaction()
  await runner.query('DECLARE changes CURSOR FOR SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)')
  for (let last = 0; last < 20;) {
    for (const { n } of await runner.query('FETCH ALL FROM changes')) {
      console.log('row ticks ' + n)
      last = n
    }
  }
  await runner.commitTransaction()
  await runner.release()
}

// example: end

async function sync() {
  await source.synchronize()
  const { upQueries } = await source.driver.createSchemaBuilder().log()
  assert.deepEqual(upQueries.map(({ query }) => query), []) // the tables are as the entities say
}

async function orm() {
  const customers = await manager.save(Customer, ['a', 'b', 'c'].map((name, i) => ({ name, facts: { i } })))
  assert.deepEqual(customers.map(({ id, changes }) => [id, changes]), [[1, 1], [2, 1], [3, 1]])
  for (const customer of customers) {
    await manager.save(Order, [1, 2, 3].map((day) => ({ customer, amount: day, made: `2024-01-0${day}`, tags: [customer.name, 'x'] })))
  }
  const found = await manager.find(Customer, { relations: { orders: true }, where: { name: ILike('B%'), orders: { amount: MoreThan(1) } } })
  assert.deepEqual([found.length, found[0].orders.length], [1, 2])
  assert.deepEqual(await manager.findAndCount(Order, { where: { tags: ArrayContains(['x']), customer: { id: In([1, 2]) } }, take: 2, skip: 1, order: { made: 'ASC' } }).then(([rows, count]) => [rows.length, count]), [2, 6])
  const sums = await source.createQueryBuilder(Order, 'o').select('o.made', 'made').addSelect('sum(o.amount)', 'sum')
    .innerJoin('o.customer', 'c').where('c.id < :id', { id: 3 }).groupBy('o.made').orderBy('o.made').getRawMany()
  assert.deepEqual(sums.map(({ sum }) => sum), ['2.00', '4.00', '6.00'])
  customers[0].name = 'first'
  assert.equal((await manager.save(Customer, customers[0])).changes, 2)
  await manager.increment(Order, { made: '2024-01-03' }, 'amount', 5)
  assert.equal(await manager.sum(Order, 'amount', { amount: LessThan(100) }), 33)
  await manager.upsert(Customer, { name: 'b', facts: { again: true } }, ['name'])
  assert.deepEqual((await manager.findOneByOrFail(Customer, { name: 'b' })).facts, { again: true })
  await manager.softRemove(Customer, customers[2])
  assert.deepEqual([await manager.count(Customer), await manager.count(Customer, { withDeleted: true })], [2, 3])
  await manager.transaction((block) => block.findOne(Customer, { where: { id: 1 }, lock: { mode: 'pessimistic_write' } }))
  await fails('23514', manager.insert(Order, { amount: -1, made: '2024-01-01' }))
  assert.equal((await manager.delete(Order, { made: '2024-01-01' })).affected, 3)
}

async function migrate() {
  await source.runMigrations()
  assert.deepEqual(await source.query('SELECT label, capacity FROM shelf'), [{ label: 'first', capacity: 7 }])
  assert.equal(await source.showMigrations(), false)
  await source.undoLastMigration()
  const runner = source.createQueryRunner()
  assert.equal(await runner.hasTable('shelf'), false)
  await runner.release()
}

run({ connect, types, prepared, transaction, cancel, push, sync, orm, migrate }).then(() => source.destroy())
