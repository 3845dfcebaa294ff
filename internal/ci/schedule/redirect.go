package schedule

import (
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
)

// Redirect is the text with the addresses that stand for those that the
// services could not have: "localhost:5432" becomes "127.0.0.1:40123". A runner
// puts the values of a job's variables and its scripts through it.
func Redirect(text string, services map[string]ServiceAddress) string {
	for asked, instead := range instead(services) {
		// No digit may follow, and no part of a longer name go before.
		address := regexp.MustCompile(`(^|[^A-Za-z0-9.-])` + regexp.QuoteMeta(asked) + `($|[^0-9])`)
		text = address.ReplaceAllString(text, "${1}"+instead+"${2}")
	}
	return text
}

// RedirectEnv are the variables with such addresses; a variable whose name ends
// in PORT and that is just the asked port has the other port.
func RedirectEnv(env map[string]string, services map[string]ServiceAddress) map[string]string {
	ports := map[string]string{}
	for asked, instead := range instead(services) {
		_, from, _ := net.SplitHostPort(asked)
		_, to, _ := net.SplitHostPort(instead)
		ports[from] = to
	}
	redirected := map[string]string{}
	for name, value := range env {
		redirected[name] = Redirect(value, services)
		if to, known := ports[value]; known && strings.HasSuffix(strings.ToUpper(name), "PORT") {
			redirected[name] = to
		}
	}
	return redirected
}

func instead(services map[string]ServiceAddress) map[string]string {
	all := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		maps.Copy(all, services[name].Instead)
	}
	return all
}
