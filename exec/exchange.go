package exec

import (
	"context"
	"encoding/binary"
	"slices"

	"millrace/sql/catalog"
)

// What shards tell each other and nobody waits for: deliveries, acknowledgements, and
// which producers are to be forgotten. It goes to the node that leads the receiving shard,
// and may be lost: when that is unknown, when the connection is lost, or when the node
// does not lead any more. So whoever is owed an answer sends again (tick_resend.go); a
// producer that is not forgotten so is forgotten by its age.
//
//	message := version u8 · item*
//	item    := 'd' · from · to · sender (query · stage) · receiver (query · stage) · number ·
//	             catalog version · length · arrival
//	         | 'a' · from · to · sender (query · stage) · wanted · resend u8
//	         | 'p' · to · producer
//
// The numbers are uvarints, from and to shards.

// serviceExchange is the service that takes such messages. They get no answer.
const serviceExchange = "shard.exchange"

const (
	exchangeVersion = 1

	exchangedDelivery        = 'd'
	exchangedAcknowledgement = 'a'
	exchangedProducer        = 'p'
)

// exchangeBytes is how large a message is at most, about.
const exchangeBytes = 1 << 20

// exchanged is what is to be sent, by node.
type exchanged struct {
	engine   *Engine
	messages map[uint64][]byte
}

// leader returns the node that leads a shard, 0 for none. This node's own shards are
// reached without messages.
func (e *Engine) leader(shard int) uint64 {
	node, _ := e.loops[shard].log.Leader()
	if node == 0 && e.alone() {
		return e.self
	}
	return node
}

// add adds an item for a node.
func (x *exchanged) add(node uint64, item func(buf []byte) []byte) {
	if node == 0 {
		return
	}
	message := x.messages[node]
	if message == nil {
		message = []byte{exchangeVersion}
	}
	message = item(message)
	if len(message) >= exchangeBytes {
		x.engine.storage.Peers().Send(node, serviceExchange, message)
		message = nil
	}
	if x.messages == nil {
		x.messages = map[uint64][]byte{}
	}
	x.messages[node] = message
}

// send sends what was added.
func (x *exchanged) send() {
	for node, message := range x.messages {
		if message != nil {
			x.engine.storage.Peers().Send(node, serviceExchange, message)
		}
	}
}

// exchange hands committed deliveries and acknowledgements to the loops of their shards.
func (e *Engine) exchange(deliveries []*delivery, acks []acknowledgement) {
	x := exchanged{engine: e}
	for _, d := range deliveries {
		if node := e.leader(d.to); node == e.self {
			e.loops[d.to].queue.deliver(d)
		} else {
			x.add(node, d.append)
		}
	}
	for _, a := range acks {
		if node := e.leader(a.to); node == e.self {
			e.loops[a.to].queue.acknowledge(a)
		} else {
			x.add(node, a.append)
		}
	}
	x.send()
}

// forgetProducer has a shard forget a writer's producer.
func (e *Engine) forgetProducer(shard int, producer uint64) {
	node := e.leader(shard)
	if node == e.self {
		e.loops[shard].queue.forget(producer)
		return
	}
	x := exchanged{engine: e}
	x.add(node, func(buf []byte) []byte {
		buf = append(buf, exchangedProducer)
		buf = binary.AppendUvarint(buf, uint64(shard))
		return binary.AppendUvarint(buf, producer)
	})
	x.send()
}

// append encodes a delivery as an item.
func (d *delivery) append(buf []byte) []byte {
	buf = append(buf, exchangedDelivery)
	buf = binary.AppendUvarint(buf, uint64(d.from))
	buf = binary.AppendUvarint(buf, uint64(d.to))
	buf = appendStageID(appendStageID(buf, d.sender), d.receiver)
	buf = binary.AppendUvarint(buf, d.number)
	buf = binary.AppendUvarint(buf, d.version)
	payload := d.payload
	if d.sent != nil {
		payload = d.sent.append(nil)
	}
	buf = binary.AppendUvarint(buf, uint64(len(payload)))
	return append(buf, payload...)
}

// append encodes an acknowledgement as an item.
func (a acknowledgement) append(buf []byte) []byte {
	buf = append(buf, exchangedAcknowledgement)
	buf = binary.AppendUvarint(buf, uint64(a.from))
	buf = binary.AppendUvarint(buf, uint64(a.to))
	buf = appendStageID(buf, a.sender)
	buf = binary.AppendUvarint(buf, a.wanted)
	return appendFlag(buf, a.resend)
}

func appendStageID(buf []byte, id stageID) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(buf, uint64(id.query)), uint64(id.stage))
}

func (r *uvarintReader) stageID() stageID {
	return stageID{catalog.ObjectID(r.next()), int(r.next())}
}

// exchangeService implements serviceExchange.
func (e *Engine) exchangeService(_ context.Context, _ uint64, message []byte) ([]byte, error) {
	in, err := readExchange(message, len(e.loops))
	if err != nil {
		e.logger.Error("a message of another node cannot be read", "error", err)
		return nil, err
	}
	for _, d := range in.deliveries {
		e.loops[d.to].queue.deliver(d)
	}
	for _, a := range in.acks {
		e.loops[a.to].queue.acknowledge(a)
	}
	for _, p := range in.producers {
		e.loops[p.shard].queue.forget(p.producer)
	}
	return nil, nil
}

// exchangedItems are the items of a message.
type exchangedItems struct {
	deliveries []*delivery
	acks       []acknowledgement
	producers  []shardProducer
}

type shardProducer struct {
	shard    int
	producer uint64
}

// readExchange decodes a message. What the deliveries carry aliases it.
func readExchange(message []byte, shards int) (out exchangedItems, err error) {
	if len(message) == 0 || message[0] != exchangeVersion {
		return out, errBadRequest
	}
	in := uvarintReader{data: message[1:]}
	for len(in.data) > 0 && !in.bad {
		switch in.byte() {
		case exchangedDelivery:
			d := &delivery{from: in.shard(shards), to: in.shard(shards), sender: in.stageID(), receiver: in.stageID(), number: in.next(), version: in.next()}
			d.payload = slices.Clip(in.bytes())
			out.deliveries = append(out.deliveries, d)
		case exchangedAcknowledgement:
			a := acknowledgement{from: in.shard(shards), to: in.shard(shards), sender: in.stageID(), wanted: in.next()}
			a.resend = in.byte() == 1
			out.acks = append(out.acks, a)
		case exchangedProducer:
			out.producers = append(out.producers, shardProducer{in.shard(shards), in.next()})
		default:
			in.bad = true
		}
	}
	if in.bad {
		return exchangedItems{}, errBadRequest
	}
	return out, nil
}
