package tables

// Prev steps to the key before and tells whether there is one; as the first
// step it goes to the last key of the range. It returns false at the beginning
// and on an error.
func (i *Iterator) Prev() bool {
	if !i.started {
		i.started = true
		return i.it.Last()
	}
	return i.it.Prev()
}
