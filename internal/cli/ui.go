// Package cli is what the commands of pawskind do, and how they show it.
package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/progress"
)

// Formats of -o.
const (
	Text = "text"
	JSON = "json"
	YAML = "yaml"
)

// UI is how a command talks with its user: results go to Out, all else to Err.
type UI struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Format is text, json or yaml.
	Format string
	// Yes answers questions, Quiet leaves out progress and notes, Verbose adds details.
	Yes, Quiet, Verbose bool
	// Symbols allows characters beyond ASCII, Colour escape sequences.
	Symbols, Colour bool
	// Asks is set when somebody can answer, Redraws when progress may redraw a line.
	Asks, Redraws bool
	Width         int
}

// NewUI is the UI of this process.
func NewUI(noSymbols bool) *UI {
	in, out, errs := isTerminal(os.Stdin), isTerminal(os.Stdout), isTerminal(os.Stderr)
	dumb := os.Getenv("TERM") == "dumb"
	ui := &UI{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Format: Text,
		Symbols: !noSymbols && utf8Locale(),
		Colour:  out && !dumb && os.Getenv("NO_COLOR") == "",
		Asks:    in && errs, Redraws: errs && !dumb && !noSymbols,
	}
	if width, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil {
		ui.Width = width
	}
	return ui
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// utf8Locale trusts a locale that says so, and one that says nothing.
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToUpper(os.Getenv(name)); value != "" {
			return strings.Contains(value, "UTF-8") || strings.Contains(value, "UTF8") || value == "C" || value == "POSIX"
		}
	}
	return true
}

// Progress shows progress in the way that suits the UI.
func (ui *UI) Progress() *progress.Progress {
	return progress.New(ui.Err, progress.Style{Terminal: ui.Redraws, Symbols: ui.Symbols, Quiet: ui.Quiet, Width: ui.Width})
}

// Note tells something beside the result.
func (ui *UI) Note(format string, args ...any) {
	if !ui.Quiet {
		_, _ = fmt.Fprintf(ui.Err, format+"\n", args...)
	}
}

// Warn tells problems that do not stop the command.
func (ui *UI) Warn(problems problem.Several) {
	for _, p := range problems {
		_, _ = fmt.Fprintf(ui.Err, "%s %s\n", ui.paint(yellow, ui.symbol("⚠ WARNING:", "WARNING:")), p)
	}
}

// Fail tells the problems that end the command.
func (ui *UI) Fail(err error) {
	for _, p := range problem.Of(err) {
		_, _ = fmt.Fprintln(ui.Err, p)
	}
}

// Confirm asks whether to go on; without a terminal nobody can say no.
func (ui *UI) Confirm(question string) bool {
	if ui.Yes || !ui.Asks {
		return true
	}
	answer := strings.ToLower(ui.ask(question + " [y/N] "))
	return answer == "y" || answer == "yes"
}

func (ui *UI) ask(question string) string {
	_, _ = fmt.Fprint(ui.Err, question)
	answer, _ := bufio.NewReader(ui.In).ReadString('\n')
	return strings.TrimSpace(answer)
}

// Show prints a result: in words through text, or as data.
func (ui *UI) Show(result any, text func(io.Writer)) error {
	var content []byte
	var err error
	switch ui.Format {
	case JSON:
		content, err = json.MarshalIndent(result, "", "  ")
		content = append(content, '\n')
	case YAML:
		content, err = yaml.Marshal(result)
	default:
		text(ui.Out)
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	_, err = ui.Out.Write(content)
	return err
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
)

func (ui *UI) paint(colour, text string) string {
	if !ui.Colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (ui *UI) symbol(symbol, plain string) string {
	if ui.Symbols {
		return symbol
	}
	return plain
}

// mark is the sign of a verdict, which never speaks by its colour alone.
func (ui *UI) mark(h v1alpha1.Health) string {
	switch h {
	case v1alpha1.Healthy:
		return ui.paint(green, ui.symbol("✓", "OK  "))
	case v1alpha1.Degraded:
		return ui.paint(yellow, ui.symbol("⚠", "WARN"))
	case v1alpha1.Unknown:
		return ui.paint(yellow, ui.symbol("?", "????"))
	}
	return ui.paint(red, ui.symbol("✗", "FAIL"))
}

func (ui *UI) rule() string { return strings.Repeat(ui.symbol("━", "-"), 42) }

// rows prints columns, each as wide as its widest cell.
func rows(out io.Writer, indent string, table [][]string) {
	var widths []int
	for _, row := range table {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range table {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			b.WriteString(strings.Repeat(" ", widths[i]-len([]rune(cell))+2))
		}
		_, _ = fmt.Fprintln(out, indent+strings.TrimRight(b.String(), " "))
	}
}
