package session

import (
	"context"
	"math"
	"time"

	"millrace/exec"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// writeGrace is how long a write goes on after its statement was cancelled.
const writeGrace = 5 * time.Second

// writeNow hands rows to the backend. A write that has begun is not given up
// when the statement is cancelled, since its outcome would be unknown: only one
// that does not end within a while is, with 40003.
func (s *Session) writeNow(ctx context.Context, writes []exec.Rows, atomic bool) error {
	if ctx.Err() != nil {
		return interrupted(ctx, context.Cause(ctx))
	}
	if err := s.options.Backend.Alive(); err != nil {
		return err
	}
	writer := s.backendWriter()
	if s.lockMark() > 0 {
		writer.Rely(s.checkTransactionLocks)
		defer writer.Rely(nil)
	}
	return s.seeThrough(ctx, func(life context.Context) error {
		return writer.Write(life, writes, atomic)
	})
}

// seeThrough does a write, which goes on for a while when ctx ends.
func (s *Session) seeThrough(ctx context.Context, write func(life context.Context) error) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	stop := context.AfterFunc(ctx, func() {
		grace := time.NewTimer(writeGrace)
		defer grace.Stop()
		select {
		case <-grace.C:
			end()
		case <-life.Done():
		}
	})
	defer stop()
	err := write(life)
	if err != nil && life.Err() != nil {
		return sqlerr.New(sqlerr.StatementCompletionUnknown, -1,
			"the statement was cancelled while its rows were written, and whether they are stored is unknown")
	}
	return err
}

// microsFromUnix is how far PostgreSQL's epoch, 2000-01-01, lies behind Unix's.
const microsFromUnix = 946684800 * 1e6

// recordHeaders returns the headers of rows as their records have them, or the error of
// the first row whose headers a record cannot have, with its number.
func recordHeaders(v *types.Vector) (headers []string, row int, err error) {
	headers = make([]string, v.Len())
	for i := range headers {
		if headers[i], err = types.HeadersAt(v, i); err != nil {
			return nil, i, err
		}
	}
	return headers, 0, nil
}

// rowtimes turns timestamps into milliseconds since the Unix epoch.
func rowtimes(v *types.Vector) []int64 {
	times := make([]int64, v.Len())
	for i := range times {
		times[i] = rowtime(v, i)
	}
	return times
}

func rowtime(v *types.Vector, i int) int64 {
	if v.IsNull(i) {
		return math.MinInt64
	}
	micros := v.Ints[i] + microsFromUnix
	millis := micros / 1000
	if micros%1000 < 0 {
		millis--
	}
	return millis
}

// define applies a DDL statement: at once where it commits by itself, as immediate
// says, else for the transaction.
func (s *Session) define(ctx context.Context, n *plan.DDL, immediate bool) (string, error) {
	if err := s.mayDefine(n.Tag, n.Alone); err != nil {
		return "", err
	}
	if immediate {
		defer s.releaseLocks(0)
	}
	if err := s.lockDefined(ctx, n.Command, immediate); err != nil {
		return "", err
	}
	command, err := s.rebaseCommand(n.Command)
	if err != nil {
		return "", err
	}
	if n.Start != nil {
		if err := s.options.Backend.CheckStart(ctx, n.Start, n.Stream); err != nil {
			return "", err
		}
	}
	result, err := s.carryOutDefinition(ctx, command, immediate)
	if err != nil {
		return "", err
	}
	notices := result.Notices
	if len(result.Created) > 0 {
		notices = append(notices, n.Notices...)
	}
	return n.Tag, s.noticeAll(notices)
}

// carryOutDefinition applies a command for everybody or for the transaction.
func (s *Session) carryOutDefinition(ctx context.Context, command catalog.Command, immediate bool) (catalog.Result, error) {
	if immediate {
		result, err := s.options.Backend.Define(ctx, s.held(s.authored(command)))
		return result, interrupted(ctx, err)
	}
	result, err := s.defineHeld(ctx, s.authored(command))
	if err != nil {
		return result, err
	}
	switch c := command.(type) {
	case *catalog.AlterSequence:
		s.alteredSequence(c)
	case *catalog.CreateIndex:
		if c.Index.Unique && len(result.Created) > 0 {
			return result, s.fillUnique(ctx, result.Created[0])
		}
	}
	return result, nil
}

// mayDefine refuses definitions where they cannot be made; alone says that the
// statement cannot be part of a transaction.
func (s *Session) mayDefine(tag string, alone bool) error {
	if alone && s.inBlock() {
		return errAlone(tag + " CONCURRENTLY")
	}
	if err := s.requireWritable(tag); err != nil {
		return err
	}
	return s.options.Backend.Alive()
}

// noticeAll sends what a command has to say.
func (s *Session) noticeAll(notices []catalog.Notice) error {
	for _, notice := range notices {
		e := sqlerr.New(sqlerr.Code(notice.Code), -1, "%s", notice.Message)
		e.Detail, e.Hint = notice.Detail, notice.Hint
		if e.Code == "" {
			e.Code = sqlerr.SuccessfulCompletion
		}
		if err := s.notice("NOTICE", e); err != nil {
			return err
		}
	}
	return nil
}
