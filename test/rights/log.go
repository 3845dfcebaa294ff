package rights

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// Log is what an account did, and what it was not let do.
type Log struct{ Used, Denied []Right }

func (l Log) of(right Right) []Right {
	var uses []Right
	for _, used := range l.Used {
		if right.covers(used) {
			uses = append(uses, used)
		}
	}
	return uses
}

// Policy has the API server log who did what, without what was said: for the
// accounts whose rights are judged, and for nobody else but who deletes a
// namespace.
const Policy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: ["*"]
- level: Metadata
  verbs: [delete]
  resources: [{group: "", resources: [namespaces]}]
- level: None
  users: ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"]
- level: None
  userGroups: ["system:nodes", "system:masters", "kubeadm:cluster-admins", "system:serviceaccounts:kube-system", "system:serviceaccounts:local-path-storage"]
- level: Metadata
  userGroups: ["system:serviceaccounts"]
- level: None
`

// event is the part of an audit event that matters here.
// Source: https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/.
type event struct {
	Verb string
	User struct{ Username string }
	// ObjectRef is missing for a path that is no object's.
	ObjectRef *struct {
		Resource, Subresource, Namespace, Name, APIGroup string
	}
	ResponseStatus struct{ Code int }
	Annotations    map[string]string
}

// endsNamespace tells whether the event began the deletion of that namespace.
func (e event) endsNamespace(name string) bool {
	return e.Verb == "delete" && e.ObjectRef != nil && e.ObjectRef.APIGroup == "" && e.ObjectRef.Resource == "namespaces" &&
		e.ObjectRef.Subresource == "" && e.ObjectRef.Name == name && e.ResponseStatus.Code == http.StatusOK
}

// ReadLog takes an account's doings from an audit log, one event a line. Once its
// namespace is being deleted, its roles may go before its pods: what it is denied
// from then on is left out.
func ReadLog(in io.Reader, account Account) (Log, error) {
	var log Log
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	ending := false
	for number := 1; lines.Scan(); number++ {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return log, fmt.Errorf("reading line %d of the audit log: %w", number, err)
		}
		ending = ending || e.endsNamespace(account.Namespace)
		if e.User.Username != account.User() || e.ObjectRef == nil {
			continue
		}
		right := e.right()
		if e.Annotations["authorization.k8s.io/decision"] == "forbid" {
			if !ending {
				log.Denied = append(log.Denied, right)
			}
			continue
		}
		log.Used = append(log.Used, right)
		// Applying what is not there makes it, which wants both rights.
		if e.Verb == "patch" && e.ResponseStatus.Code == http.StatusCreated {
			right.Verb = "create"
			log.Used = append(log.Used, right)
		}
	}
	log.Used, log.Denied = sorted(log.Used), sorted(log.Denied)
	return log, lines.Err()
}

func (e event) right() Right {
	ref := e.ObjectRef
	right := Right{Namespace: ref.Namespace, Group: ref.APIGroup, Resource: ref.Resource, Name: ref.Name, Verb: e.Verb}
	if ref.Subresource != "" {
		right.Resource += "/" + ref.Subresource
	}
	return right
}

// Accounts are the accounts that a log tells of.
func Accounts(in io.Reader) ([]string, error) {
	var users []string
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		if !slices.Contains(users, e.User.Username) {
			users = append(users, e.User.Username)
		}
	}
	slices.Sort(users)
	return users, lines.Err()
}
