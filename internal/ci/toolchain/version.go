package toolchain

import (
	"regexp"
	"strconv"
	"strings"
)

// Choose is the version to take where a workflow asks for one and the PATH has
// another (empty for none): the newest that satisfies it, or the oldest that is
// newer, which can do what an older one can. It finds none when the PATH's is as
// good as any.
func Choose(all []Installed, asked, have string) (Installed, bool) {
	var best Installed
	for _, i := range all {
		if Satisfies(i.Version, asked) && (best.Home == "" || order(i.Version, best.Version) > 0) {
			best = i
		}
	}
	if best.Home != "" {
		return best, true
	}
	least := have
	for _, i := range all {
		if order(i.Version, asked) > 0 && (least == "" || order(least, asked) < 0 || order(i.Version, least) < 0) {
			best, least = i, i.Version
		}
	}
	return best, best.Home != ""
}

// Satisfies tells whether a version is one that is asked for: by its beginning
// (1.26, 21, 3.x), by a range (^, ~, >=), or any for words such as stable.
func Satisfies(have, asked string) bool {
	asked = strings.TrimSpace(strings.TrimPrefix(asked, "v"))
	for alternative := range strings.SplitSeq(asked, "||") {
		all := true
		for _, one := range strings.Fields(alternative) {
			all = all && satisfiesOne(have, one)
		}
		if all {
			return true
		}
	}
	return false
}

func satisfiesOne(have, asked string) bool {
	h, operator := digits(have), strings.TrimRight(asked, "0123456789.xX*-abcdefghijklmnopqrstuvwyz")
	a := digits(strings.TrimPrefix(asked, operator))
	if len(a) == 0 {
		return true // stable, latest, lts/*, any
	}
	order := compare(h, a)
	switch operator {
	case ">=":
		return order >= 0
	case ">":
		return order > 0
	case "<=":
		return order <= 0
	case "<":
		return order < 0
	case "^":
		return order >= 0 && begins(h, a[:1])
	case "~":
		return order >= 0 && begins(h, a[:min(2, len(a))])
	}
	return begins(h, a)
}

// Newer tells whether a version is of the same minor line as the other and not
// older: what a file such as go.mod asks for at least.
func Newer(have, asked string) bool {
	h, a := digits(have), digits(asked)
	return len(a) > 0 && begins(h, a[:min(2, len(a))]) && compare(h, a) >= 0
}

// order is negative, 0 or positive as a is older than b, the same, or newer.
func order(a, b string) int { return compare(digits(a), digits(b)) }

var numbers = regexp.MustCompile(`[0-9]+`)

// digits are the numbers of a version, up to three.
func digits(version string) []int {
	version, _, _ = strings.Cut(version, "+")
	var list []int
	for _, text := range numbers.FindAllString(version, 3) {
		n, _ := strconv.Atoi(text) // it is digits
		list = append(list, n)
	}
	return list
}

func begins(have, with []int) bool {
	for i, n := range with {
		if i >= len(have) || have[i] != n {
			return false
		}
	}
	return true
}

func compare(a, b []int) int {
	for i := range max(len(a), len(b)) {
		x, y := 0, 0
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return x - y
		}
	}
	return 0
}
