package rotation

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/naming"
)

// all are secrets whose values end with the given text.
func all(version string) map[string][]byte {
	data := map[string][]byte{}
	for _, key := range naming.RequiredKeys() {
		data[key] = []byte(key + " " + version)
	}
	return data
}

func TestOneSetOfSecretsFollowsAnother(t *testing.T) {
	s := Begin(all("1"))
	require.Equal(t, InForce, s.Phase)
	_, begun := s.Announce(all("1"))
	require.False(t, begun, "nothing else is wanted")

	s, begun = s.Announce(all("2"))
	require.True(t, begun)
	require.Equal(t, Announced, s.Phase)
	require.Equal(t, "REDIS_PASSWORD 1", s.Password(naming.KeyRedisPassword), "clients come with the old ones")
	require.Equal(t, []string{"REDIS_PASSWORD 1", "REDIS_PASSWORD 2"}, s.Opens(naming.KeyRedisPassword), "servers know both")

	s = s.Switch()
	require.Equal(t, Switched, s.Phase)
	require.Equal(t, []string{"REDIS_PASSWORD 2", "REDIS_PASSWORD 1"}, s.Opens(naming.KeyRedisPassword))
	require.Equal(t, []string{"POSTGRES_PASSWORD 2", "POSTGRES_PASSWORD 1"}, s.Known(naming.KeyPostgresPassword), "which of them, the server decides")

	s = s.Retire()
	require.Equal(t, []string{"REDIS_PASSWORD 2"}, s.Opens(naming.KeyRedisPassword))
	s = s.Settle()
	require.Equal(t, InForce, s.Phase)
	require.False(t, s.Lacks(all("2")))
	require.Empty(t, s.Names())
}

func TestOnlyWhatDiffersIsReplaced(t *testing.T) {
	wanted := all("1")
	wanted[naming.KeyJWTSecret] = []byte("other")
	s, begun := Begin(all("1")).Announce(wanted)
	require.True(t, begun)
	require.Equal(t, []string{naming.KeyJWTSecret}, s.Names())
	s = s.Switch()
	require.Equal(t, map[string]int{naming.KeyJWTSecret: 1}, s.Versions)
	require.Equal(t, "paws360", s.Users[naming.KeyDatabaseUser], "nobody else's turn")
}

func TestUsersTakeTurns(t *testing.T) {
	s := Begin(all("0"))
	for round, want := range []string{"paws360_b", "paws360", "paws360_b"} {
		next, _ := s.Announce(all(fmt.Sprint(round + 1)))
		require.Equal(t, want, next.Waiting(Pairs()[0]))
		s = next.Switch().Retire().Settle()
		require.Equal(t, want, s.Users[naming.KeyDatabaseUser])
	}
}

// What is wanted may change at any time; a rotation that runs is ended first.
func TestARotationIsEndedBeforeTheNext(t *testing.T) {
	s, _ := Begin(all("1")).Announce(all("2"))
	_, begun := s.Announce(all("3"))
	require.False(t, begun)
	s = s.Switch()
	_, begun = s.Announce(all("1"))
	require.False(t, begun, "also on the way back")
	s, begun = s.Retire().Settle().Announce(all("1"))
	require.True(t, begun)
	require.Equal(t, "POSTGRES_PASSWORD 1", s.Switch().Password(naming.KeyPostgresPassword))
}

// A cluster that was deleted in the middle of a rotation leaves data that has the
// old secrets or the new ones.
func TestDataOfAnUnfinishedRotation(t *testing.T) {
	wanted := all("2")
	wanted[naming.KeyPostgresPassword+naming.SuffixPrevious] = []byte("POSTGRES_PASSWORD 1")
	wanted[naming.KeyRedisPassword+naming.SuffixPrevious] = wanted[naming.KeyRedisPassword]
	s := Begin(wanted)
	require.Equal(t, Switched, s.Phase)
	require.Equal(t, []string{naming.KeyPostgresPassword}, s.Names(), "the other is the same")
	require.Equal(t, []string{"POSTGRES_PASSWORD 2", "POSTGRES_PASSWORD 1"}, s.Known(naming.KeyPostgresPassword))
}

func TestTheSecretHoldsTheWholeState(t *testing.T) {
	s, _ := Begin(all("1")).Announce(all("2"))
	for _, state := range []State{Begin(all("1")), s, s.Switch(), s.Switch().Retire(), s.Switch().Retire().Settle()} {
		require.Equal(t, state, Read(state.Data()))
	}
	require.NotContains(t, Begin(map[string][]byte{"POSTGRES_APP_USER": []byte("postgres")}).Values, "POSTGRES_APP_USER", "is not the user's to say")
}

// server lets in by what it was told last.
type server struct {
	opens  []string
	logins map[string]string // of a pair's two users
}

// What clients have at any moment opens, whoever is killed between two steps:
// clients take up what the Secret says at any later time, and servers are told at
// any time in a phase, before the next begins.
func TestNobodyIsRefused(t *testing.T) {
	pair, other := Pairs()[0], naming.KeyRedisPassword
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := Begin(all("0"))
		redis := server{opens: s.Opens(other)}
		postgres := server{logins: map[string]string{pair.Base: s.Password(pair.Key)}}
		type client struct{ redis, user, password string }
		takes := func() client {
			return client{s.Password(other), s.Users[pair.UserKey], s.Password(pair.Key)}
		}
		clients := []client{takes(), takes()}
		tell := func() {
			redis.opens = s.Opens(other)
			switch s.Phase {
			case Announced:
				postgres.logins[s.Waiting(pair)] = string(s.Next[pair.Key])
			case Retiring:
				postgres.logins[pair.Base] = s.Password(pair.Key)
				if s.Users[pair.UserKey] == pair.Base {
					delete(postgres.logins, pair.Other)
				}
			}
		}
		check := func() {
			for _, c := range clients {
				require.Contains(t, redis.opens, c.redis, "seed %d, %s", seed, s.Phase)
				require.Equal(t, c.password, postgres.logins[c.user], "seed %d, %s", seed, s.Phase)
			}
		}
		for step := range 40 {
			// Some are told, or told again, in any order; some clients follow.
			for range random.IntN(3) {
				tell()
				check()
			}
			if random.IntN(2) == 0 {
				clients[random.IntN(2)] = takes()
			}
			check()
			s = Read(s.Data()) // another operator goes on
			tell()
			switch s.Phase {
			case InForce:
				s, _ = s.Announce(all(fmt.Sprint(step)))
			case Announced:
				s = s.Switch()
			case Switched:
				clients = []client{takes(), takes()}
				s = s.Retire()
			default:
				s = s.Settle()
			}
			check()
		}
	}
}
