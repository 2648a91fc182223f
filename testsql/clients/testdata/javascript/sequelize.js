// Drives a node with Sequelize: models, the tables that it makes of them, migrations.

const { assert, cancelSleep, columns, definition, expectEverything, records, run, settings } = require('./common.js')
const { DataTypes, Op, QueryTypes, Sequelize, col, fn } = require('sequelize')
const Cursor = require('pg-cursor')

const sequelize = new Sequelize(settings.database, settings.user, settings.password, {
  dialect: 'postgres', host: settings.host, port: settings.port, dialectOptions: { ssl: settings.ssl },
  logging: false, define: { timestamps: false, freezeTableName: true },
})

const select = (text) => sequelize.query(text, { type: QueryTypes.SELECT })

async function connect() {
  await sequelize.authenticate()
  assert.equal((await select('SELECT current_user AS me'))[0].me, settings.user)
}

const Everything = sequelize.define('everything', {
  id: { type: DataTypes.INTEGER, primaryKey: true },
  b: DataTypes.BOOLEAN, i2: DataTypes.SMALLINT, i4: DataTypes.INTEGER, i8: DataTypes.BIGINT,
  f4: DataTypes.REAL, f8: DataTypes.DOUBLE, n: DataTypes.DECIMAL(20, 4),
  t: DataTypes.TEXT, vc: DataTypes.STRING(20), ch: DataTypes.CHAR(6), by: DataTypes.BLOB,
  d: 'DATE', ti: DataTypes.TIME, ts: 'TIMESTAMP', tz: 'TIMESTAMPTZ', iv: 'INTERVAL', u: DataTypes.UUID,
  j: 'JSON', jb: 'JSONB', ia: DataTypes.ARRAY(DataTypes.INTEGER), ta: DataTypes.ARRAY(DataTypes.TEXT),
})

async function types() {
  await sequelize.query(definition)
  for (const record of records) await Everything.create(record)
  const rows = await Everything.findAll({ order: ['id'], raw: true })
  for (const row of rows) row.d &&= new Date(row.d) // Sequelize reads a date as text
  expectEverything(rows.map((row) => columns.map((name) => row[name])))
}

const Numbers = sequelize.define('numbers', { n: { type: DataTypes.INTEGER, primaryKey: true } })

async function prepared() {
  await Numbers.sync()
  for (let n = 0; n < 1000; n++) await Numbers.create({ n })
}

// violates expects a unique violation.
async function violates(operation) {
  await assert.rejects(operation, (error) => {
    assert.deepEqual([error.name, error.parent.code], ['SequelizeUniqueConstraintError', '23505'])
    return true
  })
}

async function transaction() {
  const block = await sequelize.transaction()
  await Numbers.create({ n: 2000 }, { transaction: block })
  await violates(Numbers.create({ n: 1 }, { transaction: block }))
  await assert.rejects(Numbers.findByPk(1, { transaction: block }), (error) => error.parent.code === '25P02')
  await block.rollback()
  await sequelize.transaction(async (transaction) => {
    await Numbers.create({ n: 1000 }, { transaction })
    await violates(sequelize.transaction({ transaction }, (inner) => Numbers.create({ n: 1 }, { transaction: inner })))
  })
}

async function cancel() {
  await Promise.all([
    assert.rejects(sequelize.query('SELECT pg_sleep(60)'), (error) => error.parent.code === '57014'),
    cancelSleep(select),
  ])
  await select('SELECT 1')
}

async function push() {
  await sequelize.query('CREATE STREAM ticks (n int)')
  await sequelize.query('INSERT INTO ticks VALUES (0)')
  await follow()
  await select('SELECT 1')
}

// example: begin

// follow prints the rows of a stream as they come, with pg-cursor on one of Sequelize's
// connections.
async function follow() {
  const client = await sequelize.connectionManager.getConnection()
  const cursor = client.query(new Cursor('SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)'))
  for (;;) {
    const [{ n }] = await cursor.read(1)
    console.log('row ticks ' + n)
    if (n === 20) break
  }
  await cursor.close()
  sequelize.connectionManager.releaseConnection(client)
}

// example: end

const Customer = sequelize.define('customers', {
  name: { type: DataTypes.STRING(40), allowNull: false, unique: true },
  facts: { type: DataTypes.JSONB, defaultValue: {} },
}, { timestamps: true, paranoid: true })

const Order = sequelize.define('orders', {
  amount: { type: DataTypes.DECIMAL(10, 2), allowNull: false, defaultValue: 0 },
  tags: DataTypes.ARRAY(DataTypes.STRING),
  made: DataTypes.DATEONLY,
}, { indexes: [{ fields: ['made'] }, { unique: true, fields: ['customerId', 'made'] }] })

Customer.hasMany(Order, { constraints: false })
Order.belongsTo(Customer, { constraints: false })

async function sync() {
  for (const model of [Customer, Order]) await model.sync({ force: true })
  for (const model of [Customer, Order]) await model.sync({ alter: true })
  const described = await Order.describe()
  assert.deepEqual([described.id.primaryKey, described.amount.type, described.amount.allowNull, described.tags.type], [true, 'NUMERIC', false, 'ARRAY'])
  const indexes = await sequelize.getQueryInterface().showIndex('orders')
  assert.deepEqual(indexes.map(({ name, unique }) => [name, unique]).sort(),
    [['orders_customer_id_made', true], ['orders_made', false], ['orders_pkey', true]])
}

async function orm() {
  const customers = await Customer.bulkCreate(['a', 'b', 'c'].map((name, i) => ({ name, facts: { i } })))
  assert.deepEqual(customers.map(({ id }) => id), [1, 2, 3])
  for (const customer of customers) {
    for (const day of [1, 2, 3]) await customer.createOrder({ amount: day, made: `2024-01-0${day}`, tags: [customer.name, 'x'] })
  }
  const found = await Customer.findAll({ include: { model: Order, where: { amount: { [Op.gt]: 1 } } }, where: { name: { [Op.iLike]: '%B%' } } })
  assert.deepEqual([found.length, found[0].orders.length], [1, 2])
  const sums = await Order.findAll({ attributes: ['made', [fn('sum', col('amount')), 'sum']], group: 'made', order: ['made'], raw: true })
  assert.deepEqual(sums[0], { made: '2024-01-01', sum: '3.00' })
  assert.deepEqual(await Order.findAndCountAll({ limit: 2, offset: 1, order: ['id'], where: { tags: { [Op.contains]: ['x'] } } }).then(({ count, rows }) => [count, rows.length]), [9, 2])
  assert.equal(await Customer.count({ where: { 'facts.i': { [Op.gte]: 1 } } }), 2)
  await Order.increment({ amount: 5 }, { where: { made: '2024-01-03' } })
  assert.equal(await Order.sum('amount'), 33)
  const [, [changed]] = await Order.update({ amount: 9 }, { where: { id: 1 }, returning: true })
  assert.equal(changed.amount, '9.00')
  const [kept] = await Customer.upsert({ id: 2, name: 'B' })
  assert.deepEqual([kept.id, kept.name], [2, 'B'])
  await Customer.bulkCreate([{ name: 'B', facts: { again: true } }], { updateOnDuplicate: ['facts'], conflictAttributes: ['name'] })
  assert.deepEqual((await Customer.findOne({ where: { name: 'B' } })).facts, { again: true })
  assert.equal((await Customer.findCreateFind({ where: { name: 'c' } }))[1], false)
  await customers[0].destroy()
  assert.deepEqual([await Customer.count(), await Customer.count({ paranoid: false })], [2, 3])
  await sequelize.transaction((transaction) => Customer.findByPk(2, { lock: true, transaction }))
  await violates(Order.create({ customerId: 1, made: '2024-01-01' }))
}

async function definitions() {
  const tables = sequelize.getQueryInterface()
  await tables.addColumn('orders', 'note', { type: DataTypes.TEXT, allowNull: false, defaultValue: '' })
  await tables.changeColumn('orders', 'amount', { type: DataTypes.DECIMAL(12, 2), allowNull: true })
  await tables.renameColumn('orders', 'note', 'remark')
  await tables.addConstraint('orders', { type: 'check', fields: ['amount'], where: { amount: { [Op.gte]: 0 } }, name: 'not_negative' })
  await assert.rejects(Order.create({ amount: -1 }), (error) => error.parent.code === '23514')
  await tables.removeConstraint('orders', 'not_negative')
  await tables.removeIndex('orders', 'orders_made')
  await tables.removeColumn('orders', 'remark')
  assert.equal((await tables.showAllTables()).includes('orders'), true)
  for (const model of [Order, Customer]) await model.drop()
  assert.equal((await tables.showAllTables()).includes('orders'), false)
}

run({ connect, types, prepared, transaction, cancel, push, sync, orm, definitions }).then(() => sequelize.close())
