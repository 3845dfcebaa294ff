// Package leak finds secrets where none may be: as they are, and in the forms that
// programs put them into.
package leak

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// shortest is the length from which on a value is looked for. A shorter one is no
// generated secret, and would be found by chance.
const shortest = 16

// Finder looks for many values at once.
type Finder struct {
	// forms are what to look for, by their first eight bytes.
	forms map[uint64][]form
	// starts tells by two bytes whether any form begins so.
	starts  [1 << 16]bool
	longest int
}

type form struct {
	text []byte
	name string
}

// NewFinder looks for values by their names. Several values may have one name, as
// one that was rotated has.
func NewFinder(values map[string][]string) *Finder {
	f := &Finder{forms: map[uint64][]form{}}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			f.add(name, value)
		}
	}
	return f
}

func (f *Finder) add(name, value string) {
	value = strings.TrimSpace(value)
	if len(value) < shortest {
		return
	}
	known := map[string]bool{}
	for what, text := range forms(value) {
		if known[text] { // most values are the same in both alphabets
			continue
		}
		known[text] = true
		f.forms[head(text)] = append(f.forms[head(text)], form{[]byte(text), strings.TrimSpace(name + " " + what)})
		f.starts[binary.BigEndian.Uint16([]byte(text))] = true
		f.longest = max(f.longest, len(text))
	}
}

func head(text string) uint64 { return binary.BigEndian.Uint64([]byte(text)) }

// forms are the value itself, in hexadecimal, and in base64 with anything before
// and after it.
func forms(value string) map[string]string {
	all := map[string]string{"": value, "in hexadecimal": hex.EncodeToString([]byte(value))}
	for before := range 3 {
		padded := append(bytes.Repeat([]byte{'x'}, before), value...)
		for alphabet, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			text := encoding.EncodeToString(padded)
			// The characters at both ends depend on what stands there.
			first := (before*8 + 5) / 6
			last := len(padded) * 8 / 6
			all[fmt.Sprintf("in %s (offset %d)", alphabet, before)] = text[first:last]
		}
	}
	return all
}

// In reads to the end and gives the names of what it found, each once.
func (f *Finder) In(in io.Reader) ([]string, error) {
	found := map[string]bool{}
	buffer := make([]byte, 0, 1<<20)
	for {
		n, err := in.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return nil, err
		}
		if !end && len(buffer) < cap(buffer) {
			continue
		}
		f.look(buffer, found)
		if end {
			return slices.Sorted(maps.Keys(found)), nil
		}
		// A value may stand across the border.
		buffer = buffer[:copy(buffer, buffer[max(0, len(buffer)-f.longest):])]
	}
}

// InText is In for what is at hand.
func (f *Finder) InText(text string) []string {
	found := map[string]bool{}
	f.look([]byte(text), found)
	return slices.Sorted(maps.Keys(found))
}

func (f *Finder) look(content []byte, found map[string]bool) {
	for i := 0; i+8 <= len(content); i++ {
		if !f.starts[binary.BigEndian.Uint16(content[i:])] {
			continue
		}
		for _, form := range f.forms[binary.BigEndian.Uint64(content[i:])] {
			if bytes.HasPrefix(content[i:], form.text) {
				found[form.name] = true
			}
		}
	}
}
