package shell

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/sql"
	"millrace/sql/ast"
)

const (
	// pushPatience is for how long the rows of a query that does not end are gathered
	// before they are shown, and patience the same of other queries.
	pushPatience = 20 * time.Millisecond
	patience     = time.Second
	// mostGathered is how many rows are gathered at most to find the widths of columns.
	mostGathered = 100_000

	cancelTimeout = 10 * time.Second
)

// request is a text with where its data come from and its results go to.
type request struct {
	text string
	// copyIn is what COPY FROM STDIN reads; nil is the source of the statement.
	copyIn io.Reader
	// copyOut is what COPY TO STDOUT writes; nil is Out.
	copyOut io.Writer
	// look overrides how rows are printed; nil is what the user has set.
	look *look
	// keep is called with each result in place of printing it.
	keep func(fields []field, rows [][][]byte)
	// silent leaves out tags and timing, quietErrors errors and notices.
	silent, quietErrors bool
	// unpaged keeps the pager out of it.
	unpaged bool
}

// run sends a text, prints what comes, and says whether all of it went well.
func (s *Shell) run(text string) bool { return s.execute(request{text: text}) }

// execute runs a request.
func (s *Shell) execute(r request) bool {
	s.dropInterrupt()
	begun := time.Now()
	ok := false
	answer := func(patience time.Duration) bool {
		a := answer{s: s, request: r, printer: s.printerFor(r), ok: true, patience: patience}
		a.follow(s.send(r.text))
		_ = s.results().Flush()
		return a.ok
	}
	switch {
	case isPush(r.text):
		ok = answer(pushPatience)
	case r.unpaged || r.keep != nil || strings.Contains(strings.ToLower(r.text), "emit"): // a COPY of a push query
		ok = answer(patience)
	default:
		ok = s.paged(func() bool { return answer(patience) })
	}
	if s.timing && !r.silent {
		fmt.Fprintln(s.out, "Time: "+formatTiming(time.Since(begun)))
	}
	_ = s.out.Flush()
	return ok
}

// dropInterrupt forgets a SIGINT that came between statements.
func (s *Shell) dropInterrupt() {
	if s.editor == nil {
		return // it ends the script
	}
	select {
	case <-s.interrupts:
		s.interrupted = true
	default:
	}
}

// isPush says whether a text holds a query that does not end.
func isPush(text string) bool {
	if !strings.Contains(strings.ToLower(text), "emit") {
		return false
	}
	statements, err := sql.Parse(text)
	if err != nil {
		return false
	}
	for _, statement := range statements {
		if query, ok := statement.(*ast.Query); ok && query.Emit != nil {
			return true
		}
	}
	return false
}

// answer is what the server says to one text, while it is printed.
type answer struct {
	s        *Shell
	request  request
	printer  printer
	patience time.Duration
	ok       bool

	inRows, copied bool
	gathered       int
	fields         []field
	kept           [][][]byte
	// idle fires when rows have let wait; it runs only while rows are gathered.
	idle <-chan time.Time
}

// follow prints events until the server is ready.
func (a *answer) follow(events <-chan event) {
	timer := time.NewTimer(a.patience)
	defer timer.Stop()
	for {
		select {
		case e, open := <-events:
			if !open {
				return
			}
			a.take(e)
			a.idle = nil
			if a.inRows && len(events) == 0 {
				timer.Reset(a.patience)
				a.idle = timer.C
			}
		case <-a.idle:
			a.idle = nil
			a.printer.pause()
			a.s.flush()
		case <-a.s.interrupts:
			a.cancel()
		}
	}
}

// cancel asks the server to end the statement; the answer to it is an error.
func (a *answer) cancel() {
	_ = a.s.out.Flush()
	a.s.interrupted = true
	connection := a.s.connection
	fmt.Fprintln(a.s.errOut, "Cancel request sent")
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
		defer cancel()
		_ = connection.CancelRequest(ctx) // a statement that has ended is not an error
	}()
	if a.s.editor == nil {
		a.ok = false
		select {
		case a.s.interrupts <- os.Interrupt: // the script ends behind this statement
		default:
		}
	}
}

func (a *answer) take(e event) {
	switch e.kind {
	case rowsBegin:
		a.inRows, a.fields, a.gathered, a.kept = true, e.fields, 0, nil
		if a.request.keep == nil {
			a.printer.begin(e.fields)
		}
	case rowArrived:
		a.row(e.row)
	case statementDone:
		a.done(e.tag)
	case statementFailed:
		a.fail(e)
	case noticeArrived:
		a.report(e.report)
	case notificationArrived:
		a.s.notify(e.notification)
	case copyInBegins:
		a.copyIn()
	case copyDataArrived:
		a.copyOut(e.row[0])
	case connectionLost:
		if a.ok {
			a.s.complain("connection to the server was lost: %s", connectionError(e.err))
		}
		a.ok = false
	}
}

func (a *answer) row(values [][]byte) {
	if a.request.keep != nil {
		a.kept = append(a.kept, values)
		return
	}
	a.printer.row(values)
	if a.gathered++; a.gathered == mostGathered {
		a.printer.pause()
	}
}

// done ends a statement with its tag.
func (a *answer) done(tag string) {
	rows := a.inRows
	a.inRows = false
	switch {
	case rows && a.request.keep != nil:
		a.request.keep(a.fields, a.kept)
	case rows:
		a.printer.end()
	}
	word, _, _ := strings.Cut(tag, " ")
	modifies := word == "INSERT" || word == "UPDATE" || word == "DELETE"
	if (!rows || modifies) && !a.copied && !a.s.quiet && !a.request.silent {
		fmt.Fprintln(a.s.results(), tag)
	}
	a.copied = false
}

// fail prints an error. Rows that were shown stay; those that were gathered are not
// shown, as in psql.
func (a *answer) fail(e event) {
	a.ok = false
	if a.inRows && a.request.keep == nil {
		a.printer.abandon()
	}
	a.inRows = false
	a.report(e.report)
}

func (a *answer) report(r *pgconn.PgError) {
	if !a.request.quietErrors {
		a.s.report(r, a.request.text)
	}
}

// copyOut writes a piece of COPY TO STDOUT.
func (a *answer) copyOut(data []byte) {
	a.copied = a.request.copyOut == nil
	to := io.Writer(a.s.results())
	if a.request.copyOut != nil {
		to = a.request.copyOut
	}
	if _, err := to.Write(data); err != nil && a.ok {
		a.ok = false
		a.s.complain("%s", cause(err))
		a.cancel()
	}
	if a.request.copyOut == nil {
		a.s.flush()
	}
}

// copyIn sends the data of COPY FROM STDIN. What the server answers meanwhile waits.
func (a *answer) copyIn() {
	from := a.request.copyIn
	if from == nil {
		from = a.s.copySource()
	}
	frontend := a.s.connection.Frontend()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			frontend.Send(&pgproto3.CopyData{Data: buffer[:n]})
			if frontend.Flush() != nil {
				return // the receiver tells of it
			}
		}
		switch {
		case err == io.EOF:
			frontend.Send(&pgproto3.CopyDone{})
		case err != nil:
			frontend.Send(&pgproto3.CopyFail{Message: cause(err)})
		default:
			continue
		}
		_ = frontend.Flush()
		return
	}
}

// notify prints what NOTIFY sent.
func (s *Shell) notify(n *pgproto3.NotificationResponse) {
	payload := ""
	if n.Payload != "" {
		payload = fmt.Sprintf(" with payload %q", n.Payload)
	}
	fmt.Fprintf(s.results(), "Asynchronous notification %q%s received from server process with PID %d.\n", n.Channel, payload, n.PID)
}

// formatTiming writes a duration as psql's \timing does.
func formatTiming(d time.Duration) string {
	milliseconds := float64(d.Microseconds()) / 1000
	text := fmt.Sprintf("%.3f ms", milliseconds)
	if d < time.Second {
		return text
	}
	seconds := d.Seconds()
	minutes := int(seconds / 60)
	if minutes == 0 {
		return fmt.Sprintf("%s (00:%06.3f)", text, seconds)
	}
	seconds -= float64(minutes) * 60
	if hours := minutes / 60; hours > 0 {
		return fmt.Sprintf("%s (%02d:%02d:%06.3f)", text, hours, minutes%60, seconds)
	}
	return fmt.Sprintf("%s (%02d:%06.3f)", text, minutes, seconds)
}
