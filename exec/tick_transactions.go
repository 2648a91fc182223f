package exec

import (
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/tables"
)

// preparedTransaction is a transaction's part on this shard, waiting for the
// decision.
type preparedTransaction struct {
	id           transactionID
	coordinator  int
	participants []int
	parts        []part
	keys         []string
	// pieces is in how many pieces the record is stored.
	pieces int
}

// prepare keeps the parts until the decision, and locks the keys that they
// touch.
func (t *tick) prepare(r *request) error {
	c := t.core
	if c.prepared[r.transaction] != nil {
		t.reply(r, true, nil)
		return nil
	}
	if r.coordinator == c.shard {
		producer, sequence := r.transaction.writer()
		last, err := c.lastWrite(producer)
		if err != nil {
			return err
		}
		if sequence <= last.sequence {
			t.reply(r, false, abortedInTime())
			return nil
		}
	}
	refused, wait, err := t.check(r.parts, r.transaction)
	switch {
	case err != nil:
		return err
	case wait:
		// Waiting here, with parts prepared elsewhere, could wait for each other.
		refused = conflict()
		fallthrough
	case refused != nil:
		t.reply(r, false, refused)
		return nil
	}
	p := &preparedTransaction{id: r.transaction, coordinator: r.coordinator, participants: r.participant, parts: r.parts}
	c.hold(p)
	t.writePrepared(p)
	t.reply(r, true, nil)
	return nil
}

// hold takes a prepared transaction and its locks into memory.
func (c *core) hold(p *preparedTransaction) {
	c.prepared[p.id] = p
	for i := range p.parts {
		if p.parts[i].own && !c.snapshot.IsCommitted(p.id) {
			continue
		}
		codec := c.codec(p.parts[i].relation)
		if codec == nil || codec.relation.Kind != catalog.KindTable {
			continue
		}
		for row := range p.parts[i].rows.Len {
			key := string(codec.appendKey(codec.appendStorageKey(nil), p.parts[i].rows, row))
			p.keys = append(p.keys, key)
			c.locks[key] = p.id
		}
	}
}

func (c *core) release(p *preparedTransaction) {
	delete(c.prepared, p.id)
	for _, key := range p.keys {
		delete(c.locks, key)
	}
}

// decide records the decision of a transaction on its coordinator. The first
// one stands, so a commit that comes after the resolver has given up learns that
// the transaction was aborted. Of one that is forgotten its producer's record tells.
func (t *tick) decide(r *request) error {
	if decided, found := t.core.decided[r.transaction]; found {
		t.reply(r, decided.committed, nil)
		return nil
	}
	producer, sequence := r.transaction.writer()
	last, err := t.core.lastWrite(producer)
	switch {
	case err != nil:
		return err
	case last.sequence == sequence && last.fate == fateCommitted:
		t.reply(r, false, errCarriedOut)
		return nil
	case last.sequence == sequence:
		t.reply(r, false, nil)
		return nil
	}
	commit := r.commit && t.core.prepared[r.transaction] != nil
	t.write.Set(tables.AppendTransactionKey(nil, transactionDecided, r.transaction), appendDecision(nil, commit, r.participant))
	t.core.decided[r.transaction] = openTransaction{id: r.transaction, coordinator: t.core.shard, shards: r.participant, committed: commit}
	if sequence > last.sequence {
		fate := fateAborted
		if commit {
			fate = fateCommitted
		}
		t.noteProducer(producer, lastWrite{sequence, fate})
	}
	if err := t.carryOut(r.transaction, commit); err != nil {
		return err
	}
	t.reply(r, commit, nil)
	return nil
}

// forgetDecision forgets a decision that all participants have carried out.
func (t *tick) forgetDecision(id transactionID) {
	delete(t.core.decided, id)
	t.write.Delete(tables.AppendTransactionKey(nil, transactionDecided, id))
}

func (t *tick) finishTransaction(r *request) error {
	if p := t.core.prepared[r.transaction]; p != nil && p.coordinator == catalogCoordinator && r.commit && !t.core.snapshot.IsCommitted(p.id) {
		t.reply(r, false, sqlerr.New(sqlerr.CannotConnectNow, -1, "shard %d does not use the catalog of the transaction yet", t.core.shard))
		return nil
	}
	if err := t.carryOut(r.transaction, r.commit); err != nil {
		return err
	}
	t.reply(r, r.commit, nil)
	return nil
}

// carryOut writes or drops a prepared part. Without one there is nothing to do:
// it was carried out before, or never prepared.
func (t *tick) carryOut(id transactionID, commit bool) error {
	p := t.core.prepared[id]
	if p == nil {
		return nil
	}
	t.core.release(p)
	t.released = true
	t.deletePrepared(p)
	if !commit {
		return nil
	}
	var live []part
	for _, part := range p.parts {
		codec := t.core.codec(part.relation)
		if codec == nil { // dropped meanwhile: its rows go with it
			continue
		}
		codec.complete(part.rows)
		if part.old != nil {
			codec.complete(part.old)
		}
		live = append(live, part)
	}
	return t.writeParts(live)
}
