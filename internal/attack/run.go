package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// CellsVariable holds, as JSON, the cells that a pod of a caller tries.
const CellsVariable = "ATTACK_CELLS"

// Run tries the cells and writes what became of them. It is the manager's
// program in the pod of a caller.
func Run(ctx context.Context, cells string, out io.Writer) error {
	var list []Cell
	if err := json.Unmarshal([]byte(cells), &list); err != nil {
		return fmt.Errorf("reading %s: %w", CellsVariable, err)
	}
	return json.NewEncoder(out).Encode(Try(ctx, list))
}
