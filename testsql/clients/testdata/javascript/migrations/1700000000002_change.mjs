export const up = (pgm) => {
  pgm.sql("INSERT INTO parts (name, price) VALUES ('bolt', 7)")
  pgm.dropView('cheap')
  pgm.addColumns('parts', { tags: { type: 'text[]', notNull: true, default: '{}' }, note: 'text' })
  pgm.alterColumn('parts', 'price', { type: 'numeric(12, 2)' })
  pgm.renameColumn('parts', 'note', 'remark')
  pgm.addConstraint('parts', 'parts_both', { unique: ['name', 'price'] })
  pgm.createSequence('batches', { increment: 10, start: 10 })
  pgm.createMaterializedView('by_price', {}, 'SELECT price, count(*) AS n FROM parts GROUP BY price')
}

export const down = (pgm) => {
  pgm.dropMaterializedView('by_price')
  pgm.dropSequence('batches')
  pgm.dropConstraint('parts', 'parts_both')
  pgm.dropColumns('parts', ['tags', 'remark'])
  pgm.createView('cheap', {}, 'SELECT id, name FROM parts WHERE price < 10')
}
