package session

import (
	"strconv"
	"time"

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
	freshnessTimeout time.Duration
	stale            bool
	// pushBuffer is in bytes.
	pushBuffer int64
	// readOnly is default_transaction_read_only.
	readOnly bool
	// minSeverity is client_min_messages, as noticeRank counts.
	minSeverity int
}

// derive computes what follows from the values.
func (v *values) derive() {
	value := func(name string) string { return v.byNumber[settingNumbers[name]] }
	duration := func(name string) time.Duration {
		i := settingNumbers[name]
		return parseSettingDuration(&settings[i], v.byNumber[i])
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
		freshnessTimeout: duration("freshness_timeout"),
		stale:            value("freshness") == "stale",
		pushBuffer:       bytes("push_buffer"),
		readOnly:         value("default_transaction_read_only") == "on",
		minSeverity:      noticeRank(value("client_min_messages")),
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
