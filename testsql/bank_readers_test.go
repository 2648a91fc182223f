package testsql

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// sum sums all accounts.
func (b *bank) sum(ctx context.Context, c *pgx.Conn) error {
	return b.compare(ctx, c, `SELECT sum(balance)::bigint, sum(moved)::bigint FROM accounts`)
}

// sumDerived reads what a continuous query has summed.
func (b *bank) sumDerived(ctx context.Context, c *pgx.Conn) error {
	return b.compare(ctx, c, `SELECT total::bigint, moved::bigint FROM money`)
}

// compare reads the sum of all accounts and the number of transfers. Transfers
// that were acknowledged before it began are in it, and those whose COMMIT was
// sent after it ended are not: only those in between may be there in part.
func (b *bank) compare(ctx context.Context, c *pgx.Conn, query string) error {
	settled, acknowledged := b.settledMoney.Load(), b.acknowledged.Load()
	var sum, moved int64
	if err := c.QueryRow(ctx, query).Scan(&sum, &moved); err != nil {
		return err
	}
	underWay := b.sentMoney.Load() - settled
	if off := max(sum-bankMoney, bankMoney-sum); off > underWay {
		b.t.Errorf("%s gives %d, off by %d, while %d were under way", query, sum, off, underWay)
	} else if off > b.farthest.Load() {
		b.farthest.Store(off)
	}
	if moved < acknowledged {
		b.t.Errorf("%s shows %d transfers, of which %d were acknowledged before", query, moved, acknowledged)
	}
	b.read.Add(1)
	return nil
}

// sumVault sums the accounts of the vault, by itself and where a continuous query
// has summed it: a shard is never seen in the middle of a statement.
func (b *bank) sumVault(ctx context.Context, c *pgx.Conn) error {
	var sum, derived int64
	if err := c.QueryRow(ctx, `SELECT sum(balance)::bigint FROM vault`).Scan(&sum); err != nil {
		return err
	}
	if err := c.QueryRow(ctx, `SELECT total::bigint FROM vault_money`).Scan(&derived); err != nil {
		return err
	}
	if sum != vaultMoney || derived != vaultMoney {
		return fmt.Errorf("the vault has %d, the sum that is kept %d", sum, derived)
	}
	b.read.Add(1)
	return nil
}

// follow notes what a push query of the sum shows.
func (b *bank) follow(ctx context.Context, c *pgx.Conn, last *atomic.Int64) error {
	return push(ctx, c, `SELECT total FROM money EMIT CHANGES`, func(total int64, op string) error {
		if op == "delete" {
			return fmt.Errorf("the sum of all accounts is deleted")
		}
		b.pushed.Add(1)
		if last != nil {
			last.Store(total)
		}
		return nil
	})
}

// followVault holds every sum that a push query shows to what a shard may show.
func (b *bank) followVault(ctx context.Context, c *pgx.Conn) error {
	return push(ctx, c, `SELECT total FROM vault_money EMIT CHANGES`, func(total int64, op string) error {
		b.pushed.Add(1)
		if total != vaultMoney || op == "delete" {
			return fmt.Errorf("the vault has %d (%s)", total, op)
		}
		return nil
	})
}

// push gives each row of a push query of a sum to a function, until one of the
// two ends with an error.
func push(ctx context.Context, c *pgx.Conn, query string, row func(total int64, op string) error) error {
	results := c.PgConn().Exec(ctx, query)
	for results.NextResult() {
		rows := results.ResultReader()
		for rows.NextRow() {
			total, err := strconv.ParseInt(string(rows.Values()[0]), 10, 64)
			if err != nil {
				return err
			}
			if err := row(total, string(rows.Values()[1])); err != nil {
				return err
			}
		}
	}
	if err := results.Close(); err != nil {
		return err
	}
	return fmt.Errorf("%s ended without an error", query)
}
