package expr

import (
	"strings"
	"sync"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// dateTimeField is a field of a date or time.
type dateTimeField uint8

const (
	fieldNone dateTimeField = iota
	fieldMicroseconds
	fieldMilliseconds
	fieldSecond
	fieldMinute
	fieldHour
	fieldDay
	fieldWeek
	fieldMonth
	fieldQuarter
	fieldYear
	fieldDecade
	fieldCentury
	fieldMillennium
	fieldEpoch
	fieldDow
	fieldIsodow
	fieldDoy
	fieldIsoyear
	fieldJulian
	fieldTimezone
	fieldTimezoneHour
	fieldTimezoneMinute
)

// fieldNames lists the spellings of each field, of which the first ten letters
// count.
var fieldNames = map[dateTimeField]string{
	fieldMicroseconds:   "microsecon us usec usecs useconds",
	fieldMilliseconds:   "millisecon ms msec msecs mseconds",
	fieldSecond:         "second seconds sec secs s",
	fieldMinute:         "minute minutes min mins m",
	fieldHour:           "hour hours hr hrs h",
	fieldDay:            "day days d",
	fieldWeek:           "week weeks w",
	fieldMonth:          "month months mon mons",
	fieldQuarter:        "quarter qtr",
	fieldYear:           "year years y yr yrs",
	fieldDecade:         "decade decades dec decs",
	fieldCentury:        "century centuries c cent",
	fieldMillennium:     "millennium millennia mil mils",
	fieldEpoch:          "epoch",
	fieldDow:            "dow",
	fieldIsodow:         "isodow",
	fieldDoy:            "doy",
	fieldIsoyear:        "isoyear",
	fieldJulian:         "julian j jd",
	fieldTimezone:       "timezone",
	fieldTimezoneHour:   "timezone_h",
	fieldTimezoneMinute: "timezone_m",
}

// fieldLength is how many letters of a field's name count.
const fieldLength = 10

var fieldsByName = sync.OnceValue(func() map[string]dateTimeField {
	fields := map[string]dateTimeField{}
	for f, spellings := range fieldNames {
		for name := range strings.FieldsSeq(spellings) {
			fields[name] = f
		}
	}
	return fields
})

// fieldCache keeps the last field that was named, for one program.
type fieldCache struct {
	name  string
	known bool
	last  namedField
}

// namedField is a field and the name it was given, in lower case.
type namedField struct {
	dateTimeField
	lower string
}

func (c *fieldCache) find(name string) *namedField {
	if !c.known || c.name != name {
		lower := lowerASCII(name)
		c.name, c.known, c.last = name, true, namedField{fieldsByName()[lower[:min(len(lower), fieldLength)]], lower}
	}
	return &c.last
}

func errField(recognized bool, field string, t types.Type) error {
	if recognized {
		return sqlerr.New(sqlerr.FeatureNotSupported, -1, "unit \"%s\" not supported for type %s", field, t)
	}
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "unit \"%s\" not recognized for type %s", field, t)
}
