package session

// maxLineText is how much of a line is kept for an error, which shows less.
const maxLineText = 256

// copyLines remembers where in the data of a COPY rows come from.
type copyLines struct {
	numbers []int64
	// texts holds the beginnings of the lines one after the other, ends where each
	// ends.
	texts []byte
	ends  []int
}

func (l *copyLines) add(number int64, text []byte) {
	l.numbers = append(l.numbers, number)
	l.texts = append(l.texts, text[:min(len(text), maxLineText)]...)
	l.ends = append(l.ends, len(l.texts))
}

// text returns the line of a row, nil where that is not text.
func (l *copyLines) text(row int) []byte {
	start := 0
	if row > 0 {
		start = l.ends[row-1]
	}
	if start == l.ends[row] {
		return nil
	}
	return l.texts[start:l.ends[row]]
}

func (l *copyLines) reset() {
	l.numbers, l.texts, l.ends = l.numbers[:0], l.texts[:0], l.ends[:0]
}
