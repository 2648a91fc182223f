"""Drives a node with Alembic, the migrations of SQLAlchemy, over psycopg 3."""

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from common import equal, ok

metadata = sa.MetaData()
accounts = sa.Table(
    "accounts", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("balance", sa.Numeric(12, 2), nullable=False, server_default="0"),
    sa.Column("opened", sa.Date, server_default=sa.text("'2024-02-29'"), nullable=False),
    sa.UniqueConstraint("name", name="account_names"),
)
transfers = sa.Table(
    "transfers", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("account", sa.Integer, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    sa.Index("payments_account", "account", sa.text("at DESC")),
    comment="what was moved",
)


def upgrade(engine, config):
    command.upgrade(config, "head")
    with engine.connect() as c:
        balance, opened = c.execute(sa.select(accounts.c.balance, accounts.c.opened)).one()
        equal((str(balance), opened.isoformat()), ("7.00", "2024-02-29"))
        equal(c.scalar(sa.text("SELECT version_num FROM alembic_version")), "second")


def compare(engine, config):
    command.check(config)  # nothing is left to migrate
    larger = sa.MetaData()
    for table in metadata.tables.values():
        table.to_metadata(larger)
    larger.tables["accounts"].append_column(sa.Column("closed", sa.Date))
    with engine.connect() as c:
        (difference,) = compare_metadata(MigrationContext.configure(c), larger)
        equal(difference[0], "add_column")


def downgrade(engine, config):
    command.downgrade(config, "first")
    equal([c["name"] for c in sa.inspect(engine).get_columns("accounts")], ["id", "title", "balance"])
    command.downgrade(config, "base")
    equal(sa.inspect(engine).get_table_names(), ["alembic_version"])
    command.upgrade(config, "head")


def main():
    engine = sa.create_engine("postgresql+psycopg://", connect_args={"channel_binding": "require"})
    config = Config(attributes={"engine": engine, "metadata": metadata})
    config.set_main_option("script_location", "alembic_migrations")
    for step in upgrade, compare, downgrade:
        step(engine, config)
        ok(step.__name__)
    engine.dispose()


main()
