"""Firms' forms forget their keys, plain sums of ID numbers, from which the numbers could be guessed"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# A key only tells a form that is sent again. A firm's file from before this, sent again, isn't known any more: whoever
# hasn't consented yet gets another link in place of his first, whoever lives there is refused as registered.
_RANDOM = {"sqlite": "randomblob(16)", "postgresql": "decode(replace(gen_random_uuid()::text, '-', ''), 'hex')"}


def upgrade() -> None:
    made = _RANDOM[op.get_bind().dialect.name]
    op.execute(f"UPDATE filings SET key = {made} WHERE source = 'employer'")  # noqa: S608 - one of ours


def downgrade() -> None:
    """What is random now was no better before."""
