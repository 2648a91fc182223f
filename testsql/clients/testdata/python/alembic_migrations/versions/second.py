"""Changes the tables while they have rows."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "second", "first"


def upgrade():
    op.bulk_insert(sa.table("accounts", sa.column("title"), sa.column("balance")), [{"title": "savings", "balance": 7}])
    op.alter_column("accounts", "title", new_column_name="name", type_=sa.String(40))
    op.alter_column("accounts", "balance", type_=sa.Numeric(12, 2), nullable=False, server_default="0")
    op.add_column("accounts", sa.Column("opened", sa.Date, server_default=sa.text("'2024-02-29'"), nullable=False))
    op.create_unique_constraint("account_names", "accounts", ["name"])
    op.drop_constraint("account_is_positive", "payments")
    op.rename_table("payments", "transfers")
    op.execute("COMMENT ON TABLE transfers IS 'what was moved'")


def downgrade():
    op.rename_table("transfers", "payments")
    op.create_check_constraint("account_is_positive", "payments", "account > 0")
    op.drop_constraint("account_names", "accounts")
    op.drop_column("accounts", "opened")
    op.alter_column("accounts", "balance", type_=sa.Integer, nullable=True, server_default=None)
    op.alter_column("accounts", "name", new_column_name="title", type_=sa.String(20))
