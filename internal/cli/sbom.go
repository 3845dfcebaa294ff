package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/paws360/pawskind/internal/images"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/sbom"
)

// BillsResult is what images are made of.
type BillsResult struct {
	Images []BillResult `json:"images"`
}

// BillResult is what one image is made of.
type BillResult struct {
	Name string `json:"name"`
	Ref  string `json:"ref"`
	// Document is CycloneDX' own, as https://cyclonedx.org/schema/bom-1.6.schema.json
	// has it.
	Document any `json:"document"`
	// File is where it was written to, when it was.
	File string `json:"file,omitempty"`

	contents sbom.Contents
}

// ImageNames are the names of the product's images.
func ImageNames() []string {
	var names []string
	for _, image := range images.Catalogue() {
		names = append(names, image.Name)
	}
	return names
}

// ImagesBill lists the packages of the named images, or of all that are built, and
// writes a document of each into the folder, unless that is empty.
func (a *App) ImagesBill(ctx context.Context, names []string, folder string) error {
	b, finish, err := a.builder(ctx)
	if err != nil {
		return err
	}
	defer finish()
	wanted, err := a.built(ctx, b, names)
	if err != nil {
		return err
	}
	var result BillsResult
	for _, image := range wanted {
		bill, err := b.Bill(ctx, image)
		if err != nil {
			return problem.New(problem.ImageUnavailable, "the image %s cannot be read", image.Name).Because(err)
		}
		one := BillResult{Name: image.Name, Ref: image.Ref, contents: bill.Contents}
		document, err := bill.Document()
		if err != nil {
			return err
		}
		one.Document = json.RawMessage(document)
		if folder != "" {
			if one.File, err = writeBill(folder, image.Name, document); err != nil {
				return err
			}
		}
		result.Images = append(result.Images, one)
	}
	finish()
	return a.Show(result, func(out io.Writer) { showBills(out, result.Images, len(names) == 1) })
}

// built are the images of these names; of all that are there when none is named.
func (a *App) built(ctx context.Context, b *images.Builder, names []string) ([]images.Status, error) {
	for _, name := range names {
		if _, err := images.Find(name); err != nil {
			return nil, problem.New(problem.Usage, "%s", err).Do("See pawskind images list for the names")
		}
	}
	list, err := b.List(ctx)
	if err != nil {
		return nil, problem.New(problem.ImageUnavailable, "the images cannot be listed").Because(err)
	}
	var wanted []images.Status
	var absent []string
	for _, image := range list {
		switch {
		case len(names) > 0 && !slices.Contains(names, image.Name):
		case image.Present:
			wanted = append(wanted, image)
		default:
			absent = append(absent, image.Name)
		}
	}
	if len(absent) > 0 && (len(names) > 0 || len(wanted) == 0) {
		return nil, problem.New(problem.ImageUnavailable, "not built: %s", strings.Join(absent, ", ")).
			Do("Run: pawskind images build %s", strings.Join(names, " "))
	}
	if len(absent) > 0 {
		a.Note("Not built, and left out: %s", strings.Join(absent, ", "))
	}
	return wanted, nil
}

func writeBill(folder, name string, document []byte) (string, error) {
	file := filepath.Join(folder, name+".cdx.json")
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		err = os.WriteFile(file, document, 0o644)
	}
	if err != nil {
		return "", problem.New(problem.FileFailed, "cannot write %s", file).Because(err)
	}
	return file, nil
}

// kinds are the columns of the table, with their headings.
var kinds = [][2]string{{sbom.Debian, "Debian"}, {sbom.Go, "Go"}, {sbom.NPM, "npm"}, {sbom.Maven, "Maven"}, {sbom.Unknown, "Other"}}

// showBills prints how many packages images have, or the packages of one image.
func showBills(out io.Writer, bills []BillResult, each bool) {
	if each && len(bills) == 1 {
		table := [][]string{{"Kind", "Package", "Version"}}
		for _, p := range bills[0].contents.Packages {
			table = append(table, []string{p.Kind, strings.TrimPrefix(p.Group+"/"+p.Name, "/"), p.Version})
		}
		rows(out, "", table)
	} else {
		rows(out, "", billCounts(bills))
	}
	for _, bill := range bills {
		if bill.File != "" {
			_, _ = fmt.Fprintln(out, bill.File)
		}
	}
}

func billCounts(bills []BillResult) [][]string {
	heading := []string{"Image"}
	for _, kind := range kinds {
		heading = append(heading, kind[1])
	}
	table := [][]string{append(heading, "System")}
	for _, bill := range bills {
		counts := map[string]int{}
		for _, p := range bill.contents.Packages {
			counts[p.Kind]++
		}
		row := []string{bill.Name}
		for _, kind := range kinds {
			row = append(row, fmt.Sprint(counts[kind[0]]))
		}
		table = append(table, append(row, strings.TrimSpace(bill.contents.System.ID+" "+bill.contents.System.Version)))
	}
	return table
}
