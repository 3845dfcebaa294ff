package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Table is the name of the table that holds the rules, in the family inet.
const Table = "netd-policies"

// deny answers at once, so that nobody waits for what is not allowed, and an open
// connection ends at both sides.
const deny = `  chain deny {
    meta l4proto tcp reject with tcp reset
    reject with icmpx admin-prohibited
  }
`

// render writes the table. Deleting it needs one to be there: hence the first line.
func (c *compiler) render() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %[1]s\ndelete table inet %[1]s\n", Table)
	if len(c.chains) == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, "table inet %s {\n", Table)
	for i, content := range c.sets {
		fmt.Fprintf(&b, "  set %s {\n    %s\n  }\n", setName(i), content)
	}
	b.WriteString(deny)
	for _, chain := range c.chains {
		fmt.Fprintf(&b, "  chain %s {\n", chain.name)
		for _, rule := range chain.rules {
			fmt.Fprintf(&b, "    %s\n", rule)
		}
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func setName(i int) string { return fmt.Sprintf("pods-%d", i+1) }

// longest is a name that the kernel takes (NFT_NAME_MAXLEN is 256).
const longest = 200

// chainName is a name that people can read, and that no other has. Names of
// Kubernetes hold no slash.
func chainName(kind, namespace, name string) string {
	full := kind + "/" + namespace + "/" + name
	if len(full) <= longest {
		return full
	}
	sum := sha256.Sum256([]byte(full))
	return full[:longest-13] + "/" + hex.EncodeToString(sum[:6])
}

func list(words []string) string { return strings.Join(words, ", ") }
