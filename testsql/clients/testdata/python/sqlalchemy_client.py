"""Drives a node with SQLAlchemy 2 over psycopg 3: Core, reflection, ORM."""


import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg

from common import EVERYTHING, Repeated, equal, expect_everything, fails, ok, row, user


def connect():
    engine = sa.create_engine("postgresql+psycopg://", connect_args={"channel_binding": "require"})
    with engine.connect() as c:
        equal(c.scalar(sa.text("SELECT current_user")), user())
    ok("connect")
    return engine


everything = sa.Table(
    "everything", sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("b", sa.Boolean), sa.Column("i2", sa.SmallInteger), sa.Column("i4", sa.Integer), sa.Column("i8", sa.BigInteger),
    sa.Column("f4", sa.REAL), sa.Column("f8", sa.Double), sa.Column("n", sa.Numeric(20, 4)),
    sa.Column("t", sa.Text), sa.Column("vc", sa.String(20)), sa.Column("ch", sa.CHAR(6)), sa.Column("by", sa.LargeBinary),
    sa.Column("d", sa.Date), sa.Column("ti", sa.Time), sa.Column("ts", sa.DateTime),
    sa.Column("tz", sa.DateTime(timezone=True)), sa.Column("iv", sa.Interval), sa.Column("u", sa.Uuid),
    sa.Column("j", pg.JSON(none_as_null=True)), sa.Column("jb", pg.JSONB(none_as_null=True)),
    sa.Column("ia", pg.ARRAY(sa.Integer)), sa.Column("ta", pg.ARRAY(sa.Text)),
)


def types(engine):
    everything.metadata.create_all(engine)
    with engine.begin() as c:
        c.execute(everything.insert(), [dict(zip(everything.columns.keys(), values)) for values in EVERYTHING])
        expect_everything(c.execute(sa.select(everything).order_by(everything.c.id)))
    ok("types")


numbers = sa.Table("numbers", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True, autoincrement=False))


def prepared(engine):
    numbers.metadata.create_all(engine)
    with engine.begin() as c:
        for n in range(1000):  # psycopg prepares it when it has been executed five times
            c.execute(numbers.insert(), {"n": n})
    ok("prepared")


def transaction(engine):
    with engine.connect() as c:
        c.execute(numbers.insert(), {"n": 2000})
        equal(fails(sa.exc.IntegrityError, c.execute, numbers.insert(), {"n": 1}).orig.sqlstate, "23505")
        equal(fails(sa.exc.DBAPIError, c.execute, sa.text("SELECT 1")).orig.sqlstate, "25P02")
        c.rollback()
    with engine.begin() as c:
        c.execute(numbers.insert(), {"n": 1000})
        savepoint = c.begin_nested()
        fails(sa.exc.IntegrityError, c.execute, numbers.insert(), {"n": 1})
        savepoint.rollback()
    ok("transaction")


def cancel(engine):
    with engine.connect() as c:
        with Repeated(c.connection.driver_connection.cancel_safe):
            equal(fails(sa.exc.DBAPIError, c.execute, sa.text("SELECT pg_sleep(60)")).orig.sqlstate, "57014")
        c.rollback()
        equal(c.scalar(sa.text("SELECT 1")), 1)
    ok("cancel")


# example: begin
def follow(engine):
    """Prints the rows of a stream as they come. With stream_results SQLAlchemy declares
    a cursor on the server; a FETCH waits for a row, and max_row_buffer=1 asks for one
    at a time."""
    query = sa.text("SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)")
    with engine.connect().execution_options(stream_results=True, max_row_buffer=1) as c:
        for (n,) in c.execute(query):
            row("ticks", n)
            if n == 20:
                break


# example: end


def push(engine):
    with engine.begin() as c:
        c.execute(sa.text("CREATE STREAM ticks (n int)"))
        c.execute(sa.text("INSERT INTO ticks VALUES (0)"))
    follow(engine)
    ok("push")


def reflect(engine):
    with engine.begin() as c:
        c.execute(sa.text("CREATE TABLE counted AS SELECT n % 10 AS digit, count(*) AS n FROM numbers GROUP BY n % 10"))
        c.execute(sa.text("CREATE VIEW small AS SELECT n FROM numbers WHERE n < 10"))
        c.execute(sa.text("CREATE TABLE members (id serial PRIMARY KEY, mail varchar(80) NOT NULL UNIQUE, age int CHECK (age > 0))"))
        c.execute(sa.text("CREATE INDEX members_age ON members (age)"))
    metadata = sa.MetaData()
    metadata.reflect(engine, views=True)
    assert {"everything", "numbers", "ticks", "members", "small"} <= set(metadata.tables), metadata.tables.keys()
    for column in everything.columns:
        got, want = metadata.tables["everything"].columns[column.name], column
        equal(got.type.compile(engine.dialect), want.type.compile(engine.dialect))
        equal(got.nullable, want.nullable)
        equal(got.primary_key, want.primary_key)
    inspector = sa.inspect(engine)
    equal(inspector.get_pk_constraint("members")["constrained_columns"], ["id"])
    equal([u["column_names"] for u in inspector.get_unique_constraints("members")], [["mail"]])
    equal([c["sqltext"] for c in inspector.get_check_constraints("members")], ["age > 0"])
    equal({i["name"] for i in inspector.get_indexes("members")}, {"members_age", "members_mail_key"})
    equal(inspector.get_foreign_keys("members"), [])
    equal(inspector.get_view_names(), ["small"])
    assert "FROM numbers" in inspector.get_view_definition("small")
    assert metadata.tables["members"].columns["id"].server_default is not None
    ok("reflect")


class Base(orm.DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(50), index=True)
    facts: orm.Mapped[dict] = orm.mapped_column(pg.JSONB)


def mapper(engine):
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add_all([Author(name=f"author {n}", facts={"n": n}) for n in range(50)])
        session.commit()
        first = session.scalars(sa.select(Author).where(Author.facts["n"].as_integer() == 7)).one()
        first.name = "Ada"
        session.commit()
        equal(session.scalar(sa.select(sa.func.count()).select_from(Author).where(Author.name.like("author%"))), 49)
        session.delete(first)
        session.commit()
        equal(session.query(Author).count(), 49)
        statement = pg.insert(Author).values(id=1, name="again", facts={})
        session.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"name": statement.excluded.name}))
        session.commit()
        equal(session.get(Author, 1).name, "again")
    Base.metadata.drop_all(engine)
    ok("orm")


def main():
    engine = connect()
    for step in types, prepared, transaction, cancel, push, reflect, mapper:
        step(engine)
    engine.dispose()


main()
