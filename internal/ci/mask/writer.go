package mask

import (
	"bytes"
	"io"
	"sync"
)

// cover goes through a text byte by byte and leaves out what patterns cover.
// Overlapping ones are covered together.
type cover struct {
	*matcher
	// left is how many of the coming bytes are covered; starred tells that this
	// line shows it already.
	left    int
	starred bool
}

// write writes what is decided of the text, all of it at the end, and returns
// how much that was.
func (c *cover) write(out *bytes.Buffer, text []byte, last bool) int {
	for i := range text {
		end, undecided := c.longest(text[i:])
		if undecided && !last {
			return i
		}
		c.left = max(c.left, end)
		c.put(out, text[i])
	}
	return len(text)
}

func (c *cover) put(out *bytes.Buffer, b byte) {
	lineEnd := b == '\n' || b == '\r'
	switch {
	case c.left == 0 || lineEnd:
		c.starred = false
		out.WriteByte(b)
	case !c.starred:
		c.starred = true
		out.WriteString(stars)
	}
	c.left = max(c.left-1, 0)
}

// Writer masks a stream. What may be the beginning of a value is held back until
// more is written, or Flush is called.
type Writer struct {
	mu      sync.Mutex
	set     *Set
	out     io.Writer
	pending []byte
	cover   cover
}

// Writer masks what goes to out.
func (s *Set) Writer(out io.Writer) *Writer { return &Writer{set: s, out: out} }

// Write takes the text; it goes out as soon as it is sure to hold no secret.
func (w *Writer) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, text...)
	if err := w.push(false); err != nil {
		return 0, err
	}
	return len(text), nil
}

// Flush lets go of what is held back: nothing more comes that would complete it.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.push(true)
}

func (w *Writer) push(last bool) error {
	var out bytes.Buffer
	w.cover.matcher = w.set.compiled.Load()
	n := w.cover.write(&out, w.pending, last)
	w.pending = append(w.pending[:0], w.pending[n:]...)
	if out.Len() == 0 {
		return nil
	}
	_, err := w.out.Write(out.Bytes())
	return err
}
