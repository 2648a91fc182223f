package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The encodings of the cluster's own commands and of its membership. Numbers are uvarints,
// texts have their length before them, times are milliseconds of the Unix epoch.
//
//	command    := kind u8 · fields
//	1 found    := cluster text · replication · member
//	2 join     := member · instead
//	3 describe := node · address text · locality text · version text
//	4 state    := node · state · since · gone (0, 1)
//	5 replicas := replication
//	6 pin      := shard · pin
//	7 recover  := cluster text · node · since
//
//	membership := version u8 (1) · cluster text · replication · next
//	            · count · member* · count · (shard · pin)*
//	member     := number · address text · locality text · version text
//	            · state · since · joined
//	pin        := leader · count · voter*
const (
	commandFound = iota + 1
	commandJoin
	commandDescribe
	commandState
	commandReplication
	commandPin
	commandRecover
)

const membershipVersion = 1

func (c foundCommand) appendTo(buf []byte) []byte {
	buf = appendText(append(buf, commandFound), c.clusterID)
	buf = binary.AppendUvarint(buf, uint64(c.replication))
	return appendMember(buf, c.first)
}

func (c joinCommand) appendTo(buf []byte) []byte {
	buf = appendMember(append(buf, commandJoin), c.node)
	return binary.AppendUvarint(buf, c.instead)
}

func (c describeCommand) appendTo(buf []byte) []byte {
	buf = binary.AppendUvarint(append(buf, commandDescribe), c.node)
	return appendText(appendText(appendText(buf, c.address), c.locality), c.version)
}

func (c stateCommand) appendTo(buf []byte) []byte {
	buf = binary.AppendUvarint(append(buf, commandState), c.node)
	buf = binary.AppendUvarint(buf, uint64(c.state))
	buf = appendTime(buf, c.since)
	gone := uint64(0)
	if c.gone {
		gone = 1
	}
	return binary.AppendUvarint(buf, gone)
}

func (c replicationCommand) appendTo(buf []byte) []byte {
	return binary.AppendUvarint(append(buf, commandReplication), uint64(c.replication))
}

func (c pinCommand) appendTo(buf []byte) []byte {
	buf = binary.AppendUvarint(append(buf, commandPin), uint64(c.shard))
	return appendPin(buf, c.pin)
}

func (c recoverCommand) appendTo(buf []byte) []byte {
	buf = appendText(append(buf, commandRecover), c.clusterID)
	return appendTime(binary.AppendUvarint(buf, c.node), c.since)
}

// decodeMemberCommand is the inverse of appendTo.
func decodeMemberCommand(data []byte) (memberCommand, error) {
	if len(data) == 0 {
		return nil, errors.New("cluster: an empty command")
	}
	r := uvarintReader{data: data[1:]}
	var c memberCommand
	switch data[0] {
	case commandFound:
		c = foundCommand{clusterID: r.text(), replication: int(r.next()), first: r.member()}
	case commandJoin:
		c = joinCommand{node: r.member(), instead: r.next()}
	case commandDescribe:
		c = describeCommand{node: r.next(), address: r.text(), locality: r.text(), version: r.text()}
	case commandState:
		c = stateCommand{node: r.next(), state: MemberState(r.next()), since: r.time(), gone: r.next() == 1}
	case commandReplication:
		c = replicationCommand{replication: int(r.next())}
	case commandPin:
		c = pinCommand{shard: int(r.next()), pin: r.pin()}
	case commandRecover:
		c = recoverCommand{clusterID: r.text(), node: r.next(), since: r.time()}
	default:
		return nil, fmt.Errorf("cluster: a command of the unknown kind %d", data[0])
	}
	if r.bad || len(r.data) > 0 {
		return nil, errors.New("cluster: a command is malformed")
	}
	return c, nil
}

// encode appends the encoded membership to buf.
func (m *membership) encode(buf []byte) []byte {
	buf = appendText(append(buf, membershipVersion), m.clusterID)
	buf = binary.AppendUvarint(buf, uint64(m.replication))
	buf = binary.AppendUvarint(buf, m.next)
	buf = binary.AppendUvarint(buf, uint64(len(m.members)))
	for _, member := range m.members {
		buf = appendMember(buf, member)
	}
	buf = binary.AppendUvarint(buf, uint64(len(m.pins)))
	for _, shard := range slices.Sorted(maps.Keys(m.pins)) {
		buf = binary.AppendUvarint(buf, uint64(shard))
		buf = appendPin(buf, m.pins[shard])
	}
	return buf
}

// decodeMembership is the inverse of encode.
func decodeMembership(data []byte) (*membership, error) {
	if len(data) == 0 || data[0] != membershipVersion {
		return nil, errors.New("cluster: a membership of an unknown version")
	}
	r := uvarintReader{data: data[1:]}
	m := &membership{clusterID: r.text(), replication: int(r.next()), next: r.next(), pins: map[int]pin{}}
	for range r.count() {
		m.members = append(m.members, r.member())
	}
	for range r.count() {
		shard := int(r.next())
		m.pins[shard] = r.pin()
	}
	if r.bad || len(r.data) > 0 {
		return nil, errors.New("cluster: a membership is malformed")
	}
	return m, nil
}

func appendMember(buf []byte, m Member) []byte {
	buf = binary.AppendUvarint(buf, m.ID)
	buf = appendText(appendText(appendText(buf, m.Address), m.Locality), m.Version)
	buf = binary.AppendUvarint(buf, uint64(m.State))
	return appendTime(appendTime(buf, m.Since), m.Joined)
}

func appendPin(buf []byte, p pin) []byte {
	buf = binary.AppendUvarint(buf, p.leader)
	buf = binary.AppendUvarint(buf, uint64(len(p.voters)))
	for _, voter := range p.voters {
		buf = binary.AppendUvarint(buf, voter)
	}
	return buf
}

func appendText(buf []byte, text string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(text))), text...)
}

// appendTime appends a time, whose zero value is 0.
func appendTime(buf []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendUvarint(buf, 0)
	}
	return binary.AppendUvarint(buf, uint64(max(t.UnixMilli(), 1)))
}

// text reads what appendText has written.
func (r *uvarintReader) text() string {
	length := r.next()
	if length > uint64(len(r.data)) {
		r.bad = true
		return ""
	}
	text := string(r.data[:length])
	r.data = r.data[length:]
	return text
}

// count reads a number of things of one byte or more, so that one that lies is bad.
func (r *uvarintReader) count() uint64 {
	count := r.next()
	if count > uint64(len(r.data)) {
		r.bad = true
		return 0
	}
	return count
}

// time reads what appendTime has written.
func (r *uvarintReader) time() time.Time {
	millis := r.offset()
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

func (r *uvarintReader) member() Member {
	return Member{
		ID: r.next(), Address: r.text(), Locality: r.text(), Version: r.text(),
		State: MemberState(r.next()), Since: r.time(), Joined: r.time(),
	}
}

func (r *uvarintReader) pin() pin {
	p := pin{leader: r.next()}
	for range r.count() {
		p.voters = append(p.voters, r.next())
	}
	return p
}
