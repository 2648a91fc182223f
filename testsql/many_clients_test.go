package testsql

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/testsql/harness"
)

// manyClients are the clients of TestManyClients: of every push the last value of n that
// it was given.
type manyClients struct {
	t    *testing.T
	node *harness.Process
	http string
	// pushes have the largest n and how many rows came.
	pushes []*countedPush
}

type countedPush struct {
	socket net.Conn
	rows   atomic.Int64
	last   atomic.Int64
	// at is when the last row came, since the Unix epoch.
	at atomic.Int64
}

// TestManyClients has ten thousand idle clients and a thousand push queries on one table
// in a node that is told to make do with 2 GB, fewer unless MILLRACE_LONG is set: what
// each costs in memory and goroutines, and how soon the last of the push queries has a
// change.
func TestManyClients(t *testing.T) {
	idle, pushes, rows := 300, 100, 100
	if long() {
		idle, pushes, rows = 10_000, 1_000, 1_000
	}
	t.Setenv("GOMEMLIMIT", "1536MiB")
	m := &manyClients{t: t, http: harness.ReserveAddress(t)}
	m.node = harness.StartProcess(t, t.TempDir(), "--http", m.http)
	c := harness.Connect(t, m.node.URL())
	harness.Exec(t, c, `CREATE TABLE t (id INT PRIMARY KEY, n INT, text TEXT)`)
	harness.Exec(t, c, `INSERT INTO t SELECT g, 0, 'some text of a row' FROM generate_series(1, $1::int) AS g`, rows)
	bytes, goroutines := residentBytes(t, m.node.PID()), m.metric("go_goroutines")
	m.each(idle, func(int) error {
		socket, err := net.Dial("tcp", m.node.Address)
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = socket.Close() })
		if err := login(socket); err != nil {
			return err
		}
		return ask(socket, `SELECT count(*) FROM t WHERE id = 5`)
	})
	m.report("idle clients", idle, &bytes, &goroutines, 1.05)
	m.pushes = make([]*countedPush, pushes)
	m.each(pushes, func(i int) error { return m.push(i, `SELECT n, id, text FROM t EMIT CHANGES`) })
	m.wait("the current result", func(p *countedPush) bool { return p.rows.Load() >= int64(rows) })
	harness.Eventually(t, deadClientDeadline, func() error {
		if hosts, members := m.metric("millrace_push_hosts"), m.metric("millrace_push_shared_queries"); hosts != 1 || members != float64(pushes) {
			return fmt.Errorf("%v hosts for %v of %d push queries", hosts, members, pushes)
		}
		return nil
	})
	m.report("push queries", pushes, &bytes, &goroutines, 3.1)
	var took []time.Duration
	for n := range 20 {
		began := time.Now()
		harness.Exec(t, c, `UPDATE t SET n = $1 WHERE id = 7`, n+1)
		m.wait("a change", func(p *countedPush) bool { return p.last.Load() == int64(n+1) })
		took = append(took, m.lastRow().Sub(began))
	}
	slices.Sort(took)
	t.Logf("from an UPDATE to the last of %d push queries: median %v, longest %v", pushes, took[len(took)/2], took[len(took)-1])
	for n := range 200 {
		harness.Exec(t, c, `UPDATE t SET n = $1 WHERE id = $2`, 100+n, 1+n%rows)
	}
	m.wait("the last change", func(p *countedPush) bool { return p.last.Load() == 299 })
	resident := peakBytes(t, m.node.PID())
	t.Logf("at most %d MB resident", resident>>20)
	if resident > 2<<30 {
		t.Errorf("%d MB were resident", resident>>20)
	}
	for _, p := range m.pushes {
		_ = p.socket.Close()
	}
	harness.Eventually(t, deadClientDeadline, func() error {
		if hosts, used := m.metric("millrace_push_hosts"), m.metric("millrace_push_buffer_bytes"); hosts != 0 || used != 0 {
			return fmt.Errorf("%v hosts and %v bytes are left", hosts, used)
		}
		return nil
	})
}

// each calls f with 0 … n-1, some at a time.
func (m *manyClients) each(n int, f func(i int) error) {
	m.t.Helper()
	var wait sync.WaitGroup
	var next atomic.Int64
	failures := make(chan error, n)
	for range 8 {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					failures <- err
				}
			}
		})
	}
	wait.Wait()
	select {
	case err := <-failures:
		m.t.Fatal(err)
	default:
	}
}

// metric reads one of the node's metrics.
func (m *manyClients) metric(name string) float64 {
	m.t.Helper()
	response, err := http.Get("http://" + m.http + "/metrics")
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				m.t.Fatal(err)
			}
			return n
		}
	}
	m.t.Fatalf("there is no metric %s", name)
	return 0
}

// report logs what clients cost since the last report, and holds them to a number of
// goroutines each.
func (m *manyClients) report(what string, n int, bytes *int, goroutines *float64, most float64) {
	m.t.Helper()
	nowBytes, now := residentBytes(m.t, m.node.PID()), m.metric("go_goroutines")
	each := (now - *goroutines) / float64(n)
	m.t.Logf("%d %s: %d bytes resident and %.2f goroutines each; in all %d MB resident, %.0f MB of them heap and %.0f MB stacks", n, what,
		(nowBytes-*bytes)/n, each, nowBytes>>20, m.metric("go_memstats_heap_inuse_bytes")/(1<<20), m.metric("go_memstats_stack_inuse_bytes")/(1<<20))
	if each > most {
		m.t.Errorf("%.2f goroutines each", each)
	}
	*bytes, *goroutines = nowBytes, now
}

// login makes a connection a client's.
func login(socket net.Conn) error {
	parameters := "\x00\x03\x00\x00user\x00many\x00database\x00millrace\x00\x00"
	return exchange(socket, append(binary.BigEndian.AppendUint32(nil, uint32(len(parameters)+4)), parameters...))
}

// ask sends a query and reads to the end of its answer.
func ask(socket net.Conn, query string) error { return exchange(socket, queryMessage(query)) }

// exchange sends a message and reads until the node is ready for the next query.
func exchange(socket net.Conn, message []byte) error {
	if _, err := socket.Write(message); err != nil {
		return err
	}
	in := bufio.NewReaderSize(socket, 512)
	for {
		kind, _, err := readMessage(in)
		if err != nil || kind == 'Z' {
			return err
		}
	}
}

func queryMessage(query string) []byte {
	message := binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(len(query)+5))
	return append(append(message, query...), 0)
}

func readMessage(in *bufio.Reader) (kind byte, body []byte, err error) {
	var header [5]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return 0, nil, err
	}
	body = make([]byte, binary.BigEndian.Uint32(header[1:])-4)
	_, err = io.ReadFull(in, body)
	return header[0], body, err
}

// lastRow is when the last row of all came.
func (m *manyClients) lastRow() time.Time {
	latest := int64(0)
	for _, p := range m.pushes {
		latest = max(latest, p.at.Load())
	}
	return time.Unix(0, latest)
}

// push begins a push query whose first column is an integer.
func (m *manyClients) push(i int, query string) error {
	socket, err := net.Dial("tcp", m.node.Address)
	if err != nil {
		return err
	}
	m.t.Cleanup(func() { _ = socket.Close() })
	if err := login(socket); err != nil {
		return err
	}
	p := &countedPush{socket: socket}
	m.pushes[i] = p
	if _, err := socket.Write(queryMessage(query)); err != nil {
		return err
	}
	go func() {
		in := bufio.NewReaderSize(socket, 4<<10)
		for {
			kind, body, err := readMessage(in)
			if err != nil {
				return
			}
			if kind == 'D' {
				n, _ := strconv.ParseInt(string(body[6:6+binary.BigEndian.Uint32(body[2:])]), 10, 64)
				p.at.Store(time.Now().UnixNano())
				p.last.Store(n)
				p.rows.Add(1)
			}
		}
	}()
	return nil
}

// wait waits until all push queries are where they should be.
func (m *manyClients) wait(what string, there func(p *countedPush) bool) {
	m.t.Helper()
	harness.Eventually(m.t, deadClientDeadline, func() error {
		for i, p := range m.pushes {
			if !there(p) {
				return fmt.Errorf("%s: push query %d has %d rows, the last of %d", what, i, p.rows.Load(), p.last.Load())
			}
		}
		return nil
	})
}
