// Package rotation knows how one set of secrets follows another while everything
// runs: what the operator keeps of them, and the steps that it takes. It is pure;
// the operator does what a step asks and writes the result.
package rotation

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/paws360/pawskind/internal/etcd"
	"github.com/paws360/pawskind/internal/naming"
)

// Phase is how far a rotation is. Each begins with one write of the Secret, and
// what it asks for may be done again at any time: an operator that starts anew
// goes on from there.
type Phase string

const (
	// InForce: one set of secrets, and no rotation.
	InForce Phase = "InForce"
	// Announced: servers learn the next secrets, where they can know two.
	Announced Phase = "Announced"
	// Switched: the next ones are in force. Clients take them up, servers that
	// know one password only are told it, and the previous ones still open.
	Switched Phase = "Switched"
	// Retiring: nobody uses the previous ones, and servers forget them.
	Retiring Phase = "Retiring"
)

const (
	keyPhase      = "rotation.phase"
	suffixVersion = ".version"
)

// Pair is two users who take turns with one password.
type Pair struct {
	// Key is the password's, and UserKey that of the user whose turn it is.
	Key, UserKey string
	// Base is the user that people know. At rest the password is also theirs.
	Base, Other string
}

// Pairs are all of them.
func Pairs() []Pair {
	return []Pair{
		{naming.KeyDatabasePassword, naming.KeyDatabaseUser, naming.DatabaseUser, naming.DatabaseUser + "_b"},
		{naming.KeyEtcdPatroniPassword, naming.KeyEtcdPatroniUser, etcd.PatroniUser, etcd.PatroniUser + "-b"},
		{naming.KeyEtcdAppPassword, naming.KeyEtcdAppUser, etcd.AppUser, etcd.AppUser + "-b"},
	}
}

// State is what the operator keeps of an environment's secrets.
type State struct {
	Phase Phase
	// Serial counts the changes.
	Serial int
	// Values are in force; Next are on their way in, Previous on their way out.
	Values, Next, Previous map[string][]byte
	// Versions count how often each value was replaced.
	Versions map[string]int
	// Users are whose turn it is, by the key of a pair's user.
	Users map[string]string
}

// Begin is the state of an environment that has none yet: its secrets are in
// force. When the data was made with others, which a rotation was to replace,
// they are the previous ones, and the rotation is taken up in its middle.
func Begin(wanted map[string][]byte) State {
	s := State{
		Phase: InForce, Serial: 1, Values: values(wanted), Next: map[string][]byte{}, Previous: map[string][]byte{},
		Versions: map[string]int{}, Users: map[string]string{},
	}
	for _, p := range Pairs() {
		s.Users[p.UserKey] = p.Base
	}
	for key, value := range wanted {
		name, found := strings.CutSuffix(key, naming.SuffixPrevious)
		if found && len(value) > 0 && !bytes.Equal(s.Values[name], value) {
			s.Phase, s.Previous[name] = Switched, value
		}
	}
	return s
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// values are the secrets themselves. The users' names are the operator's to say.
func values(data map[string][]byte) map[string][]byte {
	out := map[string][]byte{}
	for key, value := range data {
		if plainKey.MatchString(key) && !slices.ContainsFunc(Pairs(), func(p Pair) bool { return p.UserKey == key }) {
			out[key] = value
		}
	}
	return out
}

// Read is the state that the Secret holds.
func Read(data map[string][]byte) State {
	s := State{
		Phase: Phase(data[keyPhase]), Values: values(data), Next: map[string][]byte{}, Previous: map[string][]byte{},
		Versions: map[string]int{}, Users: map[string]string{},
	}
	s.Serial, _ = strconv.Atoi(string(data[naming.KeySerial]))
	for key, value := range data {
		if name, found := strings.CutSuffix(key, naming.SuffixNext); found {
			s.Next[name] = value
		} else if name, found := strings.CutSuffix(key, naming.SuffixPrevious); found {
			s.Previous[name] = value
		} else if name, found := strings.CutSuffix(key, suffixVersion); found {
			s.Versions[name], _ = strconv.Atoi(string(value))
		}
	}
	for _, p := range Pairs() {
		s.Users[p.UserKey] = string(data[p.UserKey])
	}
	return s
}

// Data is what the Secret holds for the state.
func (s State) Data() map[string][]byte {
	data := maps.Clone(s.Values)
	data[keyPhase], data[naming.KeySerial] = []byte(s.Phase), []byte(strconv.Itoa(s.Serial))
	for key, value := range s.Next {
		data[key+naming.SuffixNext] = value
	}
	for key, value := range s.Previous {
		data[key+naming.SuffixPrevious] = value
	}
	for key, version := range s.Versions {
		data[key+suffixVersion] = []byte(strconv.Itoa(version))
	}
	for key, user := range s.Users {
		data[key] = []byte(user)
	}
	return data
}

// Announce begins a rotation when other secrets are wanted than are in force.
// Another one that runs is ended first: what is wanted then follows it.
func (s State) Announce(wanted map[string][]byte) (State, bool) {
	next := s.lacking(wanted)
	if s.Phase != InForce || len(next) == 0 {
		return s, false
	}
	s.Phase, s.Next = Announced, next
	return s.changed(), true
}

// Lacks tells whether other secrets are wanted than are in force.
func (s State) Lacks(wanted map[string][]byte) bool { return len(s.lacking(wanted)) > 0 }

func (s State) lacking(wanted map[string][]byte) map[string][]byte {
	next := map[string][]byte{}
	for key, value := range values(wanted) {
		if len(value) > 0 && !bytes.Equal(s.Values[key], value) {
			next[key] = value
		}
	}
	return next
}

// Switch puts the announced secrets in force.
func (s State) Switch() State {
	s.Phase, s.Previous = Switched, map[string][]byte{}
	s.Values, s.Versions, s.Users = maps.Clone(s.Values), maps.Clone(s.Versions), maps.Clone(s.Users)
	for key, value := range s.Next {
		if len(s.Values[key]) > 0 {
			s.Previous[key] = s.Values[key]
		}
		s.Values[key] = value
		s.Versions[key]++
	}
	for _, p := range Pairs() {
		if s.rotates(p.Key) {
			s.Users[p.UserKey] = s.Waiting(p)
		}
	}
	s.Next = map[string][]byte{}
	return s.changed()
}

// Retire begins to forget the previous secrets.
func (s State) Retire() State {
	s.Phase, s.Previous = Retiring, map[string][]byte{}
	return s.changed()
}

// Settle ends the rotation.
func (s State) Settle() State {
	s.Phase = InForce
	return s.changed()
}

func (s State) changed() State {
	s.Serial++
	return s
}

// rotates tells whether the secret is one of those announced.
func (s State) rotates(key string) bool { return len(s.Next[key]) > 0 }

// Waiting is the pair's user whose turn it is not.
func (s State) Waiting(p Pair) string {
	if s.Users[p.UserKey] == p.Base {
		return p.Other
	}
	return p.Base
}

// Names are the secrets that are being rotated.
func (s State) Names() []string {
	names := slices.Collect(maps.Keys(s.Next))
	return slices.Sorted(slices.Values(slices.AppendSeq(names, maps.Keys(s.Previous))))
}

// Password is the one in force.
func (s State) Password(key string) string { return string(s.Values[key]) }

// Known are all passwords that may open now where one is in force: that one
// first, then its previous one.
func (s State) Known(key string) []string {
	list := []string{s.Password(key)}
	if previous := string(s.Previous[key]); previous != "" {
		list = append(list, previous)
	}
	return list
}

// Opens are all passwords that servers shall let in by the key.
func (s State) Opens(key string) []string {
	list := s.Known(key)
	if next := string(s.Next[key]); next != "" {
		list = append(list, next)
	}
	return list
}
