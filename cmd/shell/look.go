package shell

import (
	"fmt"
	"strings"
)

// setLook runs the commands that change how results are printed.
func (s *Shell) setLook(c invocation) bool {
	switch c.name {
	case "x":
		return s.toggle("expanded", c.argument(0))
	case "t":
		return s.toggle("tuples_only", c.argument(0))
	case "timing":
		return s.toggle("timing", c.argument(0))
	case "a":
		format := "aligned"
		if s.look.format == Aligned {
			format = "unaligned"
		}
		return s.setFormat(format)
	case "f":
		s.look.separator = c.argument(0)
		s.say("Field separator is \"%s\".", s.look.separator)
		return true
	case "pset":
		return s.pset(c)
	}
	s.complain(`invalid command \%s`, c.name)
	if s.editor != nil {
		s.complain(`Try \? for help.`)
	}
	return false
}

// pset sets one of psql's options of printing.
func (s *Shell) pset(c invocation) bool {
	value := c.argument(1)
	switch option := c.argument(0); option {
	case "format":
		return s.setFormat(value)
	case "expanded", "x", "vertical":
		return s.toggle("expanded", value)
	case "tuples_only", "t":
		return s.toggle("tuples_only", value)
	case "null":
		s.look.null = value
		s.say("Null display is \"%s\".", value)
	case "fieldsep":
		s.look.separator = value
		s.say("Field separator is \"%s\".", value)
	case "pager":
		return s.setPager(value)
	default:
		s.complain(`\pset: unknown option: %s`, option)
		return false
	}
	return true
}

// setFormat sets the format by its name.
func (s *Shell) setFormat(name string) bool {
	formats := map[string]Format{"aligned": Aligned, "unaligned": Unaligned, "csv": CSV, "json": JSON}
	format, known := formats[name]
	if !known {
		s.complain(`\pset: allowed formats are aligned, csv, json, unaligned`)
		return false
	}
	s.look.format = format
	s.say("Output format is %s.", name)
	return true
}

// toggle sets a switch to on or off, or to the other without a value.
func (s *Shell) toggle(name, value string) bool {
	target := map[string]*bool{"expanded": &s.look.expanded, "tuples_only": &s.look.tuplesOnly, "timing": &s.timing}[name]
	switch strings.ToLower(value) {
	case "":
		*target = !*target
	case "on", "true", "yes", "1":
		*target = true
	case "off", "false", "no", "0":
		*target = false
	default:
		s.complain(`unrecognized value "%s" for "\%s": Boolean expected`, value, name)
		return false
	}
	label := map[string]string{"expanded": "Expanded display is", "tuples_only": "Tuples only is", "timing": "Timing is"}[name]
	if name == "tuples_only" && value != "" {
		return true // psql, too, tells of this one only where it changes
	}
	state := "off"
	if *target {
		state = "on"
	}
	s.say("%s %s.", label, state)
	return true
}

// say prints what a command did, unless quiet.
func (s *Shell) say(format string, arguments ...any) {
	if !s.quiet {
		fmt.Fprintf(s.out, format+"\n", arguments...)
	}
}
