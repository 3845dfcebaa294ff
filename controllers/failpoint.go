package controllers

import "os"

// FailpointVariable names the failpoint at which the operator of a local cluster
// ends at once, as if it was killed there.
const FailpointVariable = "PAWSKIND_FAILPOINT"

// FailpointStatus is the exit status of an operator that ended at a failpoint.
const FailpointStatus = 70

// The failpoints: between every two steps that belong together and that no
// transaction holds together. Whoever starts next must go on from there.
const (
	failMemberAdded    = "etcd-member-added"    // announced, and its pod not started
	failGrowthTold     = "etcd-growth-told"     // its identity written, and its pod not started
	failPromotionTold  = "etcd-promotion-told"  // its identity taken back, and it does not vote
	failMemberPromoted = "etcd-member-promoted" // it votes, and nothing is noted of it
	failMemberRemoved  = "etcd-member-removed"  // out of the membership, and its pod runs
	failReplaceTold    = "etcd-replace-told"    // the new identity written, and the old pod runs
	failHandedOver     = "handed-over"          // another leads, and the old pod is not replaced
	failReplaced       = "replaced"             // one member replaced, and others are outdated
	failKilled         = "fault-killed"         // a pod killed, and the fault not noted as done

	failSecretsAnnounced = "secrets-announced" // other secrets noted, and no server told
	failSecretsKnown     = "secrets-known"     // every server told, and they are not in force
	failSecretsSwitched  = "secrets-switched"  // noted as in force, and nobody told
	failSecretsFollowed  = "secrets-followed"  // everybody uses them, and the old ones still open
	failSecretsRetiring  = "secrets-retiring"  // the old ones dropped, and servers know them still
	failSecretsForgotten = "secrets-forgotten" // servers know the new ones alone, and nothing is noted
)

// Failpoints are all of them.
func Failpoints() []string {
	return []string{
		failMemberAdded, failGrowthTold, failPromotionTold, failMemberPromoted, failMemberRemoved, failReplaceTold,
		failHandedOver, failReplaced, failKilled,
		failSecretsAnnounced, failSecretsKnown, failSecretsSwitched, failSecretsFollowed, failSecretsRetiring, failSecretsForgotten,
	}
}

// failpoint ends the operator here when it is told to.
func (r *Reconciler) failpoint(name string) {
	if r.Local && os.Getenv(FailpointVariable) == name {
		exit := os.Exit
		if r.exit != nil {
			exit = r.exit
		}
		exit(FailpointStatus)
	}
}
