export const up = (pgm) => {
  pgm.createTable('parts', {
    id: 'id',
    name: { type: 'varchar(40)', notNull: true, unique: true },
    price: { type: 'numeric(10, 2)', notNull: true, default: 0, check: 'price >= 0' },
    made: { type: 'timestamptz', notNull: true, default: pgm.func('current_timestamp') },
  }, { comment: 'what is sold' })
  pgm.createIndex('parts', ['name', { name: 'made', sort: 'DESC' }], { name: 'parts_by_name' })
  pgm.createView('cheap', {}, 'SELECT id, name FROM parts WHERE price < 10')
}

export const down = (pgm) => {
  pgm.dropView('cheap')
  pgm.dropTable('parts')
}
