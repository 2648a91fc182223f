package catalog

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Sequence describes a sequence (https://www.postgresql.org/docs/15/sql-createsequence.html)
// and how far it is. Descriptors are immutable.
//
//   - A value is given once. Nodes reserve ranges of values here, durably, before
//     they give any of a range; Last is the last value that was reserved.
//   - What moves a sequence (NextValues, SetSequence, ReturnValues) does not change
//     the catalog's version, so that neither plans nor shards take notice.
type Sequence struct {
	ID     ObjectID
	Schema string
	Name   string
	// Type is types.Int2, Int4 or Int8.
	Type                       types.Type
	Start, Increment, Min, Max int64
	Cache                      int64
	Cycle                      bool
	// Owner is the relation with whose column, OwnerColumn, the sequence is
	// dropped; 0 for none. Identity says that the column is an identity column,
	// which cannot do without it.
	Owner       ObjectID
	OwnerColumn int
	Identity    bool
	Comment     string

	// Last is the last value reserved; where Called is not set it has not been given
	// and is the next one.
	Last   int64
	Called bool
	// Epoch counts how often the sequence was set: ranges that were reserved in an
	// earlier epoch must not be given any more.
	Epoch uint64
}

// Sequences returns all sequences in the order of their IDs.
func (s *Snapshot) Sequences() []*Sequence { return s.sequences }

// Sequence returns the sequence with an ID, or nil.
func (s *Snapshot) Sequence(id ObjectID) *Sequence {
	i, found := slices.BinarySearchFunc(s.sequences, id, func(q *Sequence, id ObjectID) int { return cmp.Compare(q.ID, id) })
	if !found {
		return nil
	}
	return s.sequences[i]
}

// LookupSequence returns the sequence with a qualified name, or nil.
func (s *Snapshot) LookupSequence(schema, name string) *Sequence {
	for _, q := range s.sequences {
		if q.Name == name && q.Schema == schema {
			return q
		}
	}
	return nil
}

// OwnedSequence returns the sequence that a column owns, for an identity column the
// one that gives its values; nil for none.
func (s *Snapshot) OwnedSequence(relation ObjectID, column int) *Sequence {
	var found *Sequence
	for _, q := range s.sequences {
		if q.Owner == relation && q.OwnerColumn == column && (found == nil || q.Identity) {
			found = q
		}
	}
	return found
}

// replaceSequence puts q in the place of the sequence with its ID.
func (s *Snapshot) replaceSequence(q *Sequence) {
	for i := range s.sequences {
		if s.sequences[i].ID == q.ID {
			s.sequences[i] = q
		}
	}
}

// moveSequence returns the catalog with a sequence in another state, at the same
// version.
func (s *Snapshot) moveSequence(q *Sequence) *Snapshot {
	next := *s
	next.sequences = slices.Clone(s.sequences)
	next.replaceSequence(q)
	return &next
}

// dropOwned drops the sequences that a relation owns, or only those of the given
// column where that is not negative.
func (s *Snapshot) dropOwned(relation ObjectID, column int, result *Result) {
	s.sequences = slices.DeleteFunc(s.sequences, func(q *Sequence) bool {
		owned := q.Owner == relation && (column < 0 || q.OwnerColumn == column)
		if owned {
			result.Dropped = append(result.Dropped, q.ID)
		}
		return owned
	})
}

// dropIdentity drops the sequence of an identity column.
func (s *Snapshot) dropIdentity(relation ObjectID, column int, result *Result) {
	if q := s.OwnedSequence(relation, column); q != nil && q.Identity {
		s.sequences = slices.DeleteFunc(s.sequences, func(other *Sequence) bool { return other.ID == q.ID })
		result.Dropped = append(result.Dropped, q.ID)
	}
}

// addSequence gives a sequence its ID and puts it among the others.
func (s *Snapshot) addSequence(q Sequence, result *Result) *Sequence {
	q.ID, q.Last, q.Called = s.nextID, q.Start, false
	s.nextID++
	s.sequences = inserted(s.sequences, &q, func(x *Sequence) ObjectID { return x.ID })
	result.Created = append(result.Created, q.ID)
	return &q
}

func applyCreateSequence(s *Snapshot, c *CreateSequence, result *Result) (*Snapshot, error) {
	q := c.Sequence
	if s.Schema(q.Schema) == nil {
		return nil, noSchema(q.Schema)
	}
	if s.NameTaken(q.Schema, q.Name) {
		if !c.IfNotExists {
			return nil, sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists", q.Name)
		}
		result.Notices = append(result.Notices, Notice{
			Code: string(sqlerr.DuplicateTable), Message: `relation "` + q.Name + `" already exists, skipping`,
		})
		return nil, nil
	}
	if err := s.checkOwner(&q); err != nil {
		return nil, err
	}
	next := s.edit()
	next.addSequence(q, result)
	return next, nil
}

// checkOwner makes sure that the column that a sequence belongs to is there.
func (s *Snapshot) checkOwner(q *Sequence) error {
	if q.Owner == 0 {
		return nil
	}
	r := s.Relation(q.Owner)
	if r == nil || q.OwnerColumn < 0 || q.OwnerColumn >= len(r.Columns) || r.Columns[q.OwnerColumn].Dropped {
		return sqlerr.New(sqlerr.UndefinedTable, -1, "the relation that the sequence belongs to was dropped")
	}
	return nil
}

func applyAlterSequence(s *Snapshot, c *AlterSequence, result *Result) (*Snapshot, error) {
	old := s.Sequence(c.Sequence.ID)
	if old == nil && c.IfExists {
		result.Notices = append(result.Notices, Notice{Message: fmt.Sprintf("relation %q does not exist, skipping", c.Sequence.Name)})
		return nil, nil
	}
	if old == nil {
		return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "relation %q does not exist", c.Sequence.Name)
	}
	q := c.Sequence
	if s.Schema(q.Schema) == nil {
		return nil, noSchema(q.Schema)
	}
	if (q.Name != old.Name || q.Schema != old.Schema) && s.NameTaken(q.Schema, q.Name) {
		return nil, nameTakenIn(Name{old.Schema, old.Name}, Name{q.Schema, q.Name})
	}
	if err := s.checkOwner(&q); err != nil {
		return nil, err
	}
	q.Last, q.Called, q.Epoch = old.Last, old.Called, old.Epoch+1
	if c.Restart {
		q.Last, q.Called = c.RestartWith, false
	}
	if q.Last < q.Min {
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "RESTART value (%d) cannot be less than MINVALUE (%d)", q.Last, q.Min)
	}
	if q.Last > q.Max {
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "RESTART value (%d) cannot be greater than MAXVALUE (%d)", q.Last, q.Max)
	}
	next := s.edit()
	next.replaceSequence(&q)
	return next, next.renameInDefaults(old, &q)
}

// renameInDefaults makes the defaults that take values from a sequence name it as it
// is called now.
func (s *Snapshot) renameInDefaults(old, q *Sequence) error {
	if old.Name == q.Name && old.Schema == q.Schema {
		return nil
	}
	was, is := quotedName(old.Name), quotedName(q.Name)
	wasIn, isIn := quotedName(old.Schema, old.Name), quotedName(q.Schema, q.Name)
	for _, r := range slices.Clone(s.relations) {
		changed := *r
		for i := range r.Columns {
			c := &r.Columns[i]
			if !slices.Contains(c.Sequences, q.ID) || c.Dropped {
				continue
			}
			text := strings.ReplaceAll(strings.ReplaceAll(c.Default, wasIn, isIn), was, is)
			if text == c.Default && old.Name != q.Name {
				return sqlerr.New(sqlerr.FeatureNotSupported, -1, "cannot rename sequence %q: the default of column %q of %s names it in another way", old.Name, c.Name, describe(r)).
					WithHint("Set the default anew with nextval(%s).", was)
			}
			if changed.Changed != s.version {
				changed.Columns, changed.Changed = slices.Clone(r.Columns), s.version
			}
			changed.Columns[i].Default = text
		}
		if changed.Changed == s.version {
			s.replaceRelation(&changed)
		}
	}
	return nil
}

// quotedName is a name, qualified or not, as a literal that nextval takes.
func quotedName(parts ...string) string {
	quoted := make([]string, len(parts))
	for n, name := range parts {
		for i := range len(name) {
			c := name[i]
			if !(c >= 'a' && c <= 'z' || c == '_' || i > 0 && (c >= '0' && c <= '9' || c == '$')) {
				name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
				break
			}
		}
		quoted[n] = name
	}
	return "'" + strings.ReplaceAll(strings.Join(quoted, "."), "'", "''") + "'"
}

func applyDropSequences(s *Snapshot, c *DropSequences, result *Result) (*Snapshot, error) {
	var drop []*Sequence
	for _, name := range c.Names {
		q := s.LookupSequence(name.Schema, name.Name)
		switch {
		case q != nil:
			drop = append(drop, q)
		case s.NameTaken(name.Schema, name.Name):
			return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a sequence", name.Name)
		case !c.IfExists:
			return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "sequence %q does not exist", name.String())
		default:
			result.Notices = append(result.Notices, Notice{Message: fmt.Sprintf("sequence %q does not exist, skipping", name.String())})
		}
	}
	if len(drop) == 0 {
		return nil, nil
	}
	next := s.edit()
	var lines []string
	for _, q := range drop {
		if q.Identity {
			r := s.Relation(q.Owner)
			column := fmt.Sprintf("column %s of %s", r.Columns[q.OwnerColumn].Name, describe(r))
			return nil, sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "cannot drop sequence %s because %s requires it", q.Name, column).
				WithHint("You can drop %s instead.", column)
		}
		lines = append(lines, next.dropDefaults(q)...)
		result.Dropped = append(result.Dropped, q.ID)
	}
	if len(lines) > 0 && !c.Cascade {
		message := "cannot drop desired object(s) because other objects depend on them"
		if len(drop) == 1 {
			message = "cannot drop sequence " + drop[0].Name + " because other objects depend on it"
		}
		return nil, sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "%s", message).
			WithDetail("%s", strings.Join(lines, "\n")).
			WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
	}
	for _, line := range lines {
		object, _, _ := strings.Cut(line, " depends on ")
		result.Notices = append(result.Notices, Notice{Message: "drop cascades to " + object})
	}
	next.sequences = slices.DeleteFunc(next.sequences, func(q *Sequence) bool { return slices.Contains(result.Dropped, q.ID) })
	return next, nil
}

// dropDefaults removes the defaults that take their values from a sequence, and
// returns a line about each.
func (s *Snapshot) dropDefaults(q *Sequence) []string {
	var lines []string
	for _, r := range s.relations {
		for i := range r.Columns {
			if !slices.Contains(r.Columns[i].Sequences, q.ID) || r.Columns[i].Dropped {
				continue
			}
			lines = append(lines, fmt.Sprintf("default value for column %s of %s depends on sequence %s", r.Columns[i].Name, describe(r), q.Name))
			changed := *s.Relation(r.ID)
			changed.Columns = slices.Clone(changed.Columns)
			changed.Columns[i].Default, changed.Columns[i].Sequences = "", nil
			changed.Changed = s.version
			s.replaceRelation(&changed)
		}
	}
	return lines
}

// applyNextValues reserves the next values of a sequence: those up to its end where
// there are not as many as asked for; behind the end it begins anew or fails.
func applyNextValues(s *Snapshot, c *NextValues) (*Snapshot, Result, error) {
	result := Result{Version: s.version}
	old := s.Sequence(c.ID)
	if old == nil || c.Count < 1 {
		return s, result, sqlerr.New(sqlerr.UndefinedTable, -1, "the sequence was dropped")
	}
	q := *old
	first, count, err := q.Take(c.Count)
	if err != nil {
		return s, result, err
	}
	result.First, result.Count, result.Increment, result.Epoch = first, count, q.Increment, q.Epoch
	return s.moveSequence(&q), result, nil
}

// Take moves a copy of a sequence by up to count values, at least one, and returns the
// first and how many it took.
func (q *Sequence) Take(count int64) (first, taken int64, err error) {
	first = q.Last
	if q.Called {
		if first, err = q.following(); err != nil {
			return 0, 0, err
		}
	}
	taken = min(count, q.remaining(first))
	q.Last, q.Called = first+(taken-1)*q.Increment, true
	return first, taken, nil
}

// following returns the value behind Last.
func (q *Sequence) following() (int64, error) {
	if q.remaining(q.Last) > 1 {
		return q.Last + q.Increment, nil
	}
	end, bound, from := "maximum", q.Max, q.Min
	if q.Increment < 0 {
		end, bound, from = "minimum", q.Min, q.Max
	}
	if !q.Cycle {
		return 0, sqlerr.New(sqlerr.SequenceGeneratorLimitExceeded, -1, "nextval: reached %s value of sequence %q (%d)", end, q.Name, bound)
	}
	return from, nil
}

// remaining is how many values there are from one on to the end, that one included.
func (q *Sequence) remaining(from int64) int64 {
	// Differences of 64-bit values fit in 64 bits without a sign.
	distance, step := uint64(q.Max)-uint64(from), uint64(q.Increment)
	if q.Increment < 0 {
		distance, step = uint64(from)-uint64(q.Min), -uint64(q.Increment)
	}
	return int64(min(distance/step, math.MaxInt64-1)) + 1
}

func applySetSequence(s *Snapshot, c *SetSequence) (*Snapshot, Result, error) {
	result := Result{Version: s.version}
	old := s.Sequence(c.ID)
	if old == nil {
		return s, result, sqlerr.New(sqlerr.UndefinedTable, -1, "the sequence was dropped")
	}
	q := *old
	q.Last, q.Called = c.Value, c.Called
	if c.Restart {
		q.Last, q.Called = q.Start, false
	}
	if q.Last < q.Min || q.Last > q.Max {
		return s, result, sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "setval: value %d is out of bounds for sequence %q (%d..%d)", q.Last, q.Name, q.Min, q.Max)
	}
	q.Epoch++
	return s.moveSequence(&q), result, nil
}

// applyReturnValues takes back values that were reserved last and not given.
func applyReturnValues(s *Snapshot, c *ReturnValues) (*Snapshot, Result, error) {
	result := Result{Version: s.version}
	old := s.Sequence(c.ID)
	if old == nil || old.Epoch != c.Epoch || old.Last != c.Reserved {
		return s, result, nil
	}
	q := *old
	q.Last = c.Given
	return s.moveSequence(&q), result, nil
}
