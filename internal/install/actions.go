package install

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/internal/patroni"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/queryapi"
)

// Act has the operator do an operation on PostgreSQL and returns who led before.
func (c *Client) Act(ctx context.Context, namespace, name string, o patroni.Operation, member, force string) (string, error) {
	path := fmt.Sprintf("/api/v1/namespaces/%s/services/http:%s:%d/proxy/v1/namespaces/%s/environments/%s/actions/%s",
		OperatorNamespace, OperatorName, queryapi.Port, namespace, name, o)
	secret, err := c.Kube.CoreV1().Secrets(OperatorNamespace).Get(ctx, queryapi.TokenSecret, metav1.GetOptions{})
	if err != nil {
		return "", problem.New(problem.OperatorUnreachable, "the token of the operator's actions cannot be read, so nothing was done").Because(err)
	}
	body, err := c.Kube.CoreV1().RESTClient().Post().AbsPath(path).SetHeader(queryapi.TokenHeader, string(secret.Data[queryapi.TokenKey])).
		Param("member", member).Param("force", force).DoRaw(ctx)
	var said queryapi.ActionAnswer
	if json.Unmarshal(body, &said) != nil && err == nil {
		err = fmt.Errorf("the operator's answer cannot be read: %.100s", body)
	}
	switch {
	case said.Forcible:
		return "", problem.New(problem.WouldLoseData, "%s is refused: %s", o, said.Error).
			Do("Acknowledged writes may be lost; to do it all the same: --force %s", patroni.ForcePhrase)
	case said.Error != "":
		return "", problem.New(problem.OperationRefused, "%s is refused: %s", o, said.Error)
	case err != nil:
		return "", problem.New(problem.OperatorUnreachable, "the operator does not answer, so nothing was done").Because(err)
	}
	return said.Leader, nil
}
