package session

import (
	"strconv"
	"time"

	"millrace/exec"
	"millrace/sql/types"
)

// derived is what the values of settings mean to the session.
type derived struct {
	format           *types.Format
	searchPath       []string
	statementTimeout time.Duration
	lockTimeout      time.Duration
	deadlockTimeout  time.Duration
	idleTransaction  time.Duration
	idleSession      time.Duration
	freshness        exec.Freshness
	keepAlive        KeepAlive
	// pushBuffer is in bytes.
	pushBuffer int64
	// readOnly is default_transaction_read_only.
	readOnly bool
	// minSeverity is client_min_messages, as noticeRank counts.
	minSeverity int
}

// KeepAlive is how a connection whose client says nothing is looked after
// (https://www.postgresql.org/docs/15/runtime-config-connection.html).
type KeepAlive struct {
	// Idle is the silence before the first probe, Interval the time between those that
	// are not answered, and Count how many of these are the end.
	Idle, Interval time.Duration
	Count          int
	// UserTimeout is how long what was sent may stay unacknowledged.
	UserTimeout time.Duration
}

// KeepAlive returns what the session's settings say.
func (s *Session) KeepAlive() KeepAlive { return s.settings.keepAlive }

// derive computes what follows from the values.
func (v *values) derive() {
	value := func(name string) string { return v.byNumber[settingNumbers[name]] }
	duration := func(name string) time.Duration {
		i := settingNumbers[name]
		return parseSettingDuration(&settings[i], v.byNumber[i])
	}
	number := func(name string, unit time.Duration) time.Duration {
		n, _ := strconv.ParseInt(value(name), 10, 64) // it was checked when it was set
		return time.Duration(n) * unit
	}
	bytes := func(name string) int64 {
		i := settingNumbers[name]
		kilobytes, _ := parseInteger(&settings[i], v.byNumber[i]) // it was checked when it was set
		return kilobytes << 10
	}
	style, order := types.ParseDateStyle(value("datestyle"))
	_, zone, ok := types.TimeZoneSetting(value("timezone"))
	if !ok {
		zone = time.UTC
	}
	digits, _ := strconv.Atoi(value("extra_float_digits"))
	format := &types.Format{
		TimeZone: zone, DateStyle: style, DateOrder: order, ExtraFloatDigits: digits,
		IntervalStyle: types.ParseIntervalStyle(value("intervalstyle")),
	}
	if value("bytea_output") == "escape" {
		format.ByteaOutput = types.ByteaOutputEscape
	}
	names, _ := splitNames(value("search_path"))
	v.derived = derived{
		format:           format,
		searchPath:       names,
		statementTimeout: duration("statement_timeout"),
		lockTimeout:      duration("lock_timeout"),
		deadlockTimeout:  duration("deadlock_timeout"),
		idleTransaction:  duration("idle_in_transaction_session_timeout"),
		idleSession:      duration("idle_session_timeout"),
		freshness: exec.Freshness{
			Stale: value("freshness") == "stale", Timeout: duration("freshness_timeout"), MaxStaleness: duration("max_staleness"),
		},
		pushBuffer: bytes("push_buffer"),
		keepAlive: KeepAlive{
			Idle: number("tcp_keepalives_idle", time.Second), Interval: number("tcp_keepalives_interval", time.Second),
			Count: int(number("tcp_keepalives_count", 1)), UserTimeout: number("tcp_user_timeout", time.Millisecond),
		},
		readOnly:    value("default_transaction_read_only") == "on",
		minSeverity: noticeRank(value("client_min_messages")),
	}
}

// noticeRank orders the words of client_min_messages.
func noticeRank(word string) int {
	switch word {
	case "log":
		return 1
	case "notice", "NOTICE":
		return 2
	case "warning", "WARNING":
		return 3
	case "error", "ERROR":
		return 4
	default:
		return 0
	}
}
