"""Makes the tables."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "first", None


def upgrade():
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.String(20), nullable=False),
        sa.Column("balance", sa.Integer),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("account", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("account > 0", name="account_is_positive"),
    )
    op.create_index("payments_account", "payments", ["account", sa.text("at DESC")])


def downgrade():
    op.drop_index("payments_account", "payments")
    op.drop_table("payments")
    op.drop_table("accounts")
