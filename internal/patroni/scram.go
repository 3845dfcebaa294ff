package patroni

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/secure/precis"
)

// What PostgreSQL keeps of a password, so that the password itself is never sent:
// SCRAM-SHA-256$ITERATIONS:SALT$STORED-KEY:SERVER-KEY.
// Source: PostgreSQL, "pg_authid", and RFC 5803.
const (
	scramPrefix     = "SCRAM-SHA-256$"
	scramIterations = 4096
	scramSalt       = 16
)

// newVerifier is what PostgreSQL keeps of the password, with a salt of its own.
func newVerifier(password string) (string, error) {
	salt := make([]byte, scramSalt)
	_, _ = rand.Read(salt) // never fails: it ends the program instead
	return verifier(password, salt, scramIterations)
}

func verifier(password string, salt []byte, iterations int) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, prepared(password), salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	stored := sha256.Sum256(keyed(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("%s%d:%s$%s:%s", scramPrefix, iterations, encode(salt), encode(stored[:]), encode(keyed(salted, "Server Key"))), nil
}

// prepared is the password as clients send it: in a normal form, or as it is
// where it has none.
func prepared(password string) string {
	if form, err := precis.OpaqueString.String(password); err == nil {
		return form
	}
	return password
}

func keyed(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// opens tells whether the password is the one of which PostgreSQL keeps this.
func opens(kept, password string) bool {
	salt, iterations, err := saltOf(kept)
	if err != nil {
		return false
	}
	own, err := verifier(password, salt, iterations)
	return err == nil && hmac.Equal([]byte(own), []byte(kept))
}

func saltOf(kept string) (salt []byte, iterations int, err error) {
	rest, found := strings.CutPrefix(kept, scramPrefix)
	head, _, _ := strings.Cut(rest, "$")
	count, encoded, _ := strings.Cut(head, ":")
	if !found {
		return nil, 0, errors.New("no SCRAM verifier")
	}
	if iterations, err = strconv.Atoi(count); err != nil || iterations < 1 || iterations > 1<<20 {
		return nil, 0, errors.New("no number of iterations")
	}
	salt, err = base64.StdEncoding.DecodeString(encoded)
	return salt, iterations, err
}
