package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestText(t *testing.T) {
	const secret = "s3cr&t/W+rd"
	quoted, err := json.Marshal(`pa"ss\word`)
	require.NoError(t, err)
	for name, test := range map[string]struct{ values, text, want string }{
		"as it is":            {secret, "a " + secret + " b", "a *** b"},
		"twice":               {secret, secret + secret + "x" + secret, "***x***"},
		"query-encoded":       {secret, "?p=" + url.QueryEscape(secret) + "&", "?p=***&"},
		"path-encoded":        {"a b/c d", url.PathEscape("a b/c d"), "***"},
		"lower-case hex":      {secret, "s3cr%26t%2fW%2brd", "***"},
		"a space as plus":     {" lead ing", "+lead+ing", "***"},
		"JSON":                {`pa"ss\word`, string(quoted), `"***"`},
		"base64":              {secret, base64.StdEncoding.EncodeToString([]byte(secret)), "***Q="},
		"over two lines":      {"abcdefghij", "1 abcde\nfghij 2", "1 ***\n*** 2"},
		"over CRLF":           {"abcdefghij", "1 abcde\r\nfghij 2", "1 ***\r\n*** 2"},
		"short over lines":    {"abcdefg", "abc\ndefg", "abc\ndefg"},
		"too short":           {"abc", "abc", "abc"},
		"overlapping":         {"abcdef|defghi", "abcdefghi!", "***!"},
		"one within another":  {"bcde|abcdefgh", "abcdefgh abcde", "*** a***"},
		"trailing line end":   {"abcdef\n", "abcdef\n", "***\n"},
		"an unfinished value": {"abcdefgh", "abcdefg", "abcdefg"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, New(strings.Split(test.values, "|")...).Text(test.text))
		})
	}
}

func TestEveryLineOfAValueIsMasked(t *testing.T) {
	s := New("-----BEGIN KEY-----\n  abcdefgh\r\nijkl\nxy\n-----END KEY-----\n")
	require.Equal(t, "***\n  ***\n***\nxy\n***\n", s.Text("-----BEGIN KEY-----\n  abcdefgh\nijkl\nxy\n-----END KEY-----\n"))
	require.Equal(t, `"***"`, s.Text(`"-----BEGIN KEY-----\n  abcdefgh\r\nijkl\nxy\n-----END KEY-----"`))
	require.Equal(t, "KEY=*** and ***", s.Text("KEY=abcdefgh and ijkl"))
}

func TestBase64AtEveryAlignment(t *testing.T) {
	s := New("hunter2hunter2")
	for _, before := range []string{"", "u", "us", "usr:", "user:"} {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString([]byte(before + "hunter2hunter2" + "@host"))
			masked := s.Text(text)
			require.Contains(t, masked, stars, before)
			decoded, _ := base64.RawStdEncoding.DecodeString(strings.Split(masked, stars)[0])
			require.NotContains(t, string(decoded), "hunter")
		}
	}
	long := strings.Repeat("0123456789abcdef", 12)
	wrapped := base64.StdEncoding.EncodeToString([]byte(long))
	wrapped = wrapped[:76] + "\n" + wrapped[76:152] + "\n" + wrapped[152:] + "\n"
	require.Equal(t, "***\n***\n***\n", New(long).Text(wrapped))
}

func TestAddTellsOfShortValues(t *testing.T) {
	s := New()
	require.False(t, s.Add("abc"))
	require.False(t, s.Add("\n"))
	require.True(t, s.Add("abcd"))
	require.True(t, s.Hides("xabcdx"))
	require.False(t, s.Hides("xabcx"))
}

func TestAWriterHoldsBackNoMoreThanItMust(t *testing.T) {
	var out bytes.Buffer
	s := New("secret-value")
	w := s.Writer(&out)
	write := func(text string) {
		n, err := fmt.Fprint(w, text)
		require.NoError(t, err)
		require.Len(t, text, n)
	}
	write("ready\nse")
	require.Equal(t, "ready\n", out.String())
	write("rver\n")
	require.Equal(t, "ready\nserver\n", out.String())
	write("secret-val")
	write("ue\n")
	require.Equal(t, "ready\nserver\n***\n", out.String())
	s.Add("later")
	write("later on, sec")
	require.NoError(t, w.Flush())
	require.Equal(t, "ready\nserver\n***\n*** on, sec", out.String())
}

// FuzzWriter: no masked value comes through, however the stream is cut.
func FuzzWriter(f *testing.F) {
	f.Add("secret", "swordfish", "a secret b", uint8(0), uint16(3))
	f.Add("two\nlines", "line", "x two\nlines y", uint8(1), uint16(1))
	f.Add("abab", "baba", "ababababa", uint8(2), uint16(2))
	f.Add("a b%20c", "%20%20%", "a%20b%2520c", uint8(3), uint16(7))
	f.Add("0000", "000000000", "000\n000\r\n0", uint8(4), uint16(5))
	f.Fuzz(func(t *testing.T, one, two, text string, form uint8, cuts uint16) {
		one, two, text = one[:min(len(one), 100)], two[:min(len(two), 100)], text[:min(len(text), 200)]
		s := New(one, two)
		stream := text + encode(one, form) + text + encode(two, form/8) + text
		var out bytes.Buffer
		w := s.Writer(&out)
		for rest := []byte(stream); len(rest) > 0; {
			n := min(len(rest), int(cuts%11)+1)
			_, err := w.Write(rest[:n])
			require.NoError(t, err)
			rest, cuts = rest[n:], cuts>>1|cuts<<15
		}
		require.NoError(t, w.Flush())
		require.Equal(t, s.Text(stream), out.String(), "cuts make no difference")
		for _, value := range []string{one, two} {
			value = strings.TrimRight(value, "\r\n")
			// Stars and line ends are what masking itself leaves behind.
			if len(value) < Shortest || strings.ContainsAny(value, "*\r\n") {
				continue
			}
			for form := range uint8(5) {
				shown := encode(value, form)
				require.NotContains(t, out.String(), shown)
				if len(shown) >= acrossLines {
					require.NotContains(t, joined(out.String()), shown)
				}
			}
		}
	})
}

// joined takes single line ends away: more than one part what they are between.
func joined(text string) string {
	var b strings.Builder
	for at := 0; at < len(text); at++ {
		if n := lineEnd([]byte(text[at:])); n > 0 && lineEnd([]byte(text[at+n:])) == 0 {
			at += n
		}
		if at < len(text) {
			b.WriteByte(text[at])
		}
	}
	return b.String()
}

var escapes = regexp.MustCompile("%[0-9A-F]{2}")

func encode(value string, form uint8) string {
	switch form % 8 {
	case 1:
		return base64.RawStdEncoding.EncodeToString([]byte(value))[:len(value)*8/6]
	case 2:
		return url.QueryEscape(value)
	case 3:
		return escapes.ReplaceAllStringFunc(url.PathEscape(value), strings.ToLower)
	case 4:
		text, _ := json.Marshal(value)
		return string(text[1 : len(text)-1])
	}
	return value
}
