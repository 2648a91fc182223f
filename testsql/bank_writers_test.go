package testsql

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
)

// errNothing ends a transfer that moves nothing.
var errNothing = errors.New("nothing is moved")

// move makes one transfer, of a random kind.
func (b *bank) move(ctx context.Context, c *pgx.Conn, random *rand.Rand) error {
	amount := 1 + random.IntN(5)
	if random.IntN(4) == 0 {
		return again(b.moveInVault(ctx, c, 1+random.IntN(vaultAccounts), 1+random.IntN(vaultAccounts), amount))
	}
	from, to := 1+random.IntN(bankAccounts), 1+random.IntN(bankAccounts)
	if from == to {
		return nil
	}
	transfers := []func(ctx context.Context, tx pgx.Tx, from, to, amount int) error{transferPlainly, transferLater, transferAtOnce, transferLocked}
	transfer := transfers[random.IntN(len(transfers))]
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := transfer(ctx, tx, from, to, amount); err != nil {
		return again(err)
	}
	b.sent.Add(1)
	b.sentMoney.Add(int64(amount))
	err = tx.Commit(ctx)
	switch {
	case err == nil:
		b.acknowledged.Add(1)
	case again(err) == nil:
		b.sent.Add(-1)
	default:
		return err // uncertain, and under way until the node is asked
	}
	b.settledMoney.Add(int64(amount))
	return nil
}

// again forgives errors after which a client runs its transaction again.
func again(err error) error {
	switch code := codeOf(err); {
	case code == "40P01" || errors.Is(err, errNothing):
		return nil
	default:
		return err
	}
}

// transferPlainly reads, computes, and updates two rows.
func transferPlainly(ctx context.Context, tx pgx.Tx, from, to, amount int) error {
	var balance int
	if err := tx.QueryRow(ctx, `SELECT balance FROM accounts WHERE id = $1`, from).Scan(&balance); err != nil {
		return err
	}
	if balance < amount {
		return errNothing
	}
	if _, err := tx.Exec(ctx, `UPDATE accounts SET balance = balance - $1, moved = moved + 1 WHERE id = $2`, amount, from); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE accounts SET balance = balance + $1 WHERE id = $2`, amount, to)
	return err
}

// transferLater makes a wrong transfer first, and takes it back.
func transferLater(ctx context.Context, tx pgx.Tx, from, to, amount int) error {
	if _, err := tx.Exec(ctx, `UPDATE accounts SET balance = balance - $1, moved = moved + 1 WHERE id = $2`, amount, from); err != nil {
		return err
	}
	for _, statement := range []string{
		`SAVEPOINT wrong`,
		fmt.Sprintf(`UPDATE accounts SET balance = balance + 1000, moved = moved + 1 WHERE id IN (%d, %d)`, to, from),
		`SAVEPOINT worse`,
		fmt.Sprintf(`DELETE FROM accounts WHERE id = %d`, to),
		`RELEASE worse`,
		`ROLLBACK TO wrong`,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `UPDATE accounts SET balance = balance + $1 WHERE id = $2`, amount, to)
	return err
}

// transferAtOnce updates both rows in one statement.
func transferAtOnce(ctx context.Context, tx pgx.Tx, from, to, amount int) error {
	_, err := tx.Exec(ctx, `UPDATE accounts AS a SET balance = a.balance + m.amount, moved = a.moved + m.moved
		FROM (VALUES ($1::int, $3::int, 1), ($2::int, -$3::int, 0)) AS m (id, amount, moved) WHERE m.id = a.id`, from, to, -amount)
	return err
}

// transferLocked locks both rows, one after the other, so that two transfers may
// wait for each other, and writes what it has computed itself.
func transferLocked(ctx context.Context, tx pgx.Tx, from, to, amount int) error {
	for _, change := range []struct{ id, amount, moved int }{{from, -amount, 1}, {to, amount, 0}} {
		var balance, moved int
		if err := tx.QueryRow(ctx, `SELECT balance, moved FROM accounts WHERE id = $1 FOR UPDATE`, change.id).Scan(&balance, &moved); err != nil {
			return err
		}
		if balance+change.amount < 0 {
			return errNothing
		}
		if _, err := tx.Exec(ctx, `UPDATE accounts SET balance = $1, moved = $2 WHERE id = $3`, balance+change.amount, moved+change.moved, change.id); err != nil {
			return err
		}
	}
	return nil
}

// moveInVault moves money on one shard, in one statement.
func (b *bank) moveInVault(ctx context.Context, c *pgx.Conn, from, to, amount int) error {
	_, err := c.Exec(ctx, `UPDATE vault SET balance = balance + CASE id WHEN $1 THEN -$3::int ELSE $3::int END WHERE id IN ($1, $2) AND $1 <> $2`, from, to, amount)
	return err
}
