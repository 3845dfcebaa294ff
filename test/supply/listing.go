package supply

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Listing is what each file of an image is, by its name: kind, rights, owner and
// content. Dates are left out: the builder stamps them, and nothing reads them.
type Listing map[string]string

// List reads a tar of an image's files.
func List(root io.Reader) (Listing, error) {
	listing := Listing{}
	files := tar.NewReader(root)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return listing, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the image's files: %w", err)
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, files); err != nil {
			return nil, fmt.Errorf("reading %s of the image: %w", header.Name, err)
		}
		listing[path.Clean("/"+header.Name)] = fmt.Sprintf("%c %o %d:%d %s %x",
			header.Typeflag, header.Mode, header.Uid, header.Gid, header.Linkname, sum.Sum(nil))
	}
}

// A cause says why a file may be another one in each build.
type cause struct {
	file *regexp.Regexp
	why  string
}

// causes are all that may differ between two builds of the same sources.
var causes = []cause{
	{regexp.MustCompile(`^/opt/java/lib/server/classes.*\.jsa$|^/app/.*\.jsa$`), "Java's archive of classes is a memory image"},
	{regexp.MustCompile(`^/app/\.next/(prerender-manifest\.json|server/.*|required-server-files\.json)$`), "Next.js makes keys for draft mode and server actions in each build"},
	{regexp.MustCompile(`^/app/server\.js$`), "it repeats Next.js' settings"},
	{regexp.MustCompile(`^/etc/(passwd|group|shadow|gshadow)-?$`), "the day on which a user was made"},
	{regexp.MustCompile(`^/var/cache/ldconfig/aux-cache$`), "inodes of the libraries"},
	{regexp.MustCompile(`^/etc/ssl/certs/java/cacerts$`), "dates of its entries"},
	{regexp.MustCompile(`^/var/log/`), "dates of its lines"},
}

// Compare says which files of two builds differ, and which of those have a cause
// that is known: the others should not.
func Compare(first, second Listing) (known, unknown []string) {
	names := maps.Clone(first)
	maps.Copy(names, second)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if first[name] == second[name] {
			continue
		}
		if i := slices.IndexFunc(causes, func(c cause) bool { return c.file.MatchString(name) }); i >= 0 {
			known = append(known, name+": "+causes[i].why)
			continue
		}
		unknown = append(unknown, strings.TrimSpace(fmt.Sprintf("%s: %s, then %s", name, told(first[name]), told(second[name]))))
	}
	return known, unknown
}

func told(entry string) string {
	if entry == "" {
		return "absent"
	}
	return entry
}
