package controllers

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/internal/rotation"
)

// setSecrets shows how far a rotation of the secrets is. Before they have been
// read nothing is said.
func setSecrets(s *scope, now metav1.Time) {
	status := &s.env.Status.Secrets
	if s.secrets.Phase == "" {
		return
	}
	ended := s.secrets.Phase == rotation.InForce && status.Phase != "" && status.Phase != string(rotation.InForce)
	status.Phase, status.Message = string(s.secrets.Phase), s.waiting
	if s.secrets.Phase == rotation.InForce && !s.secrets.Lacks(s.wanted) {
		status.Wanted = s.wantedVersion
	}
	if ended {
		at := now.Rfc3339Copy()
		status.RotatedAt = &at
	}
	// What is retired has no name any more, and is still on its way out.
	if names := s.secrets.Names(); len(names) > 0 || s.secrets.Phase == rotation.InForce {
		status.Names = names
	}
}
