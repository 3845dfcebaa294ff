package tree

import "os"

// reflink is left to io.Copy here.
func reflink(_, _ *os.File) bool { return false }
