package problem

import (
	"maps"
	"slices"
)

// Code names one kind of problem. It never changes its meaning.
type Code string

// The codes. Those that the requirements name keep their numbers.
const (
	General      Code = "ERR_CLI_001"
	Usage        Code = "ERR_CLI_002"
	NotConfirmed Code = "ERR_CLI_003"
	Interrupted  Code = "ERR_CLI_004"
	Busy         Code = "ERR_CLI_005"
	NoService    Code = "ERR_CLI_006"

	ConfigInvalid      Code = "ERR_CONFIG_001"
	EnvironmentInvalid Code = "ERR_CONFIG_002"
	OtherProject       Code = "ERR_CONFIG_003"
	SourceMissing      Code = "ERR_CONFIG_004"
	DataDiffers        Code = "ERR_CONFIG_005"

	LowMemory        Code = "ERR_SYS_001"
	LowDisk          Code = "ERR_SYS_002"
	FewCPUs          Code = "ERR_SYS_003"
	LowInotify       Code = "ERR_SYS_004"
	ClockWrong       Code = "ERR_SYS_005"
	CgroupV1         Code = "ERR_SYS_006"
	FileFailed       Code = "ERR_SYS_007"
	UnknownProvider  Code = "ERR_SYS_010"
	InstallFailed    Code = "ERR_SYS_011"
	EngineNotStarted Code = "ERR_SYS_012"
	EngineMissing    Code = "ERR_SYS_013"
	EngineStopped    Code = "ERR_SYS_014"
	EngineOld        Code = "ERR_SYS_015"
	EngineDenied     Code = "ERR_SYS_016"
	ToolMissing      Code = "ERR_SYS_017"

	PortInUse   Code = "ERR_NET_001"
	Unreachable Code = "ERR_NET_002"
	NotIsolated Code = "ERR_NET_003"

	ImageUnavailable     Code = "ERR_IMAGE_001"
	ImageNotLoaded       Code = "ERR_IMAGE_002"
	NodeImageUnavailable Code = "ERR_IMAGE_003"

	ClusterNotCreated Code = "ERR_CLUSTER_001"
	ClusterMissing    Code = "ERR_CLUSTER_002"
	ClusterStopped    Code = "ERR_CLUSTER_003"
	ClusterNotStarted Code = "ERR_CLUSTER_004"
	ClusterNotDeleted Code = "ERR_CLUSTER_005"
	APIUnreachable    Code = "ERR_CLUSTER_006"
	ClusterRefused    Code = "ERR_CLUSTER_007"

	OperatorUnreachable Code = "ERR_OPERATOR_001"
	OperatorNotStarted  Code = "ERR_OPERATOR_002"

	EnvironmentTimeout   Code = "ERR_ENV_001"
	EnvironmentStalled   Code = "ERR_ENV_002"
	EnvironmentMissing   Code = "ERR_ENV_003"
	EnvironmentUnhealthy Code = "ERR_ENV_004"
	LogErrors            Code = "ERR_ENV_005"

	EtcdQuorum        Code = "ERR_ETCD_001"
	EtcdDisk          Code = "ERR_ETCD_002"
	EtcdNotStarted    Code = "ERR_ETCD_003"
	PatroniNoLeader   Code = "ERR_PATRONI_001"
	PatroniLag        Code = "ERR_PATRONI_002"
	PatroniNotStart   Code = "ERR_PATRONI_003"
	WouldLoseData     Code = "ERR_PATRONI_004"
	OperationRefused  Code = "ERR_PATRONI_005"
	RedisQuorum       Code = "ERR_REDIS_001"
	RedisNotStarted   Code = "ERR_REDIS_002"
	AppNotStarted     Code = "ERR_APP_001"
	FaultInvalid      Code = "ERR_CHAOS_001"
	FaultRefused      Code = "ERR_CHAOS_002"
	FaultFailed       Code = "ERR_CHAOS_003"
	FaultNotSupported Code = "ERR_CHAOS_004"
	NoScenario        Code = "ERR_DRILL_001"
	DrillFailed       Code = "ERR_DRILL_002"
	DrillVerdict      Code = "ERR_DRILL_003"
	FaultMissing      Code = "ERR_CHAOS_005"

	WorkflowInvalid    Code = "ERR_CI_001"
	EventForeign       Code = "ERR_CI_002"
	RunsOnUnknown      Code = "ERR_CI_003"
	ActionUnreachable  Code = "ERR_CI_004"
	RunUnknown         Code = "ERR_CI_020"
	ArtifactUnknown    Code = "ERR_CI_021"
	JobUnknown         Code = "ERR_CI_022"
	ServicesDown       Code = "ERR_CI_023"
	ServiceUnavailable Code = "ERR_CI_024"
	JobImageMissing    Code = "ERR_CI_025"
	NoRepository       Code = "ERR_CI_040"
	NoWorkflow         Code = "ERR_CI_041"
	RunFailed          Code = "ERR_CI_042"
	NotReproduced      Code = "ERR_CI_043"
	HookForeign        Code = "ERR_CI_044"
	RemoteUnreadable   Code = "ERR_CI_045"
	RemoteDiffers      Code = "ERR_CI_046"

	CertificatesInvalid Code = "ERR_CERT_001"
	CertificateUnknown  Code = "ERR_CERT_002"
	RenewalUnfinished   Code = "ERR_CERT_003"

	SecretMissing    Code = "ERR_SECRET_001"
	SecretsLost      Code = "ERR_SECRET_002"
	SecretUnreadable Code = "ERR_SECRET_003"
	SecretWeak       Code = "ERR_SECRET_004"
	SecretTracked    Code = "ERR_SECRET_005"
	SecretUnknown    Code = "ERR_SECRET_006"

	RotationUnfinished Code = "ERR_SECRET_007"
)

// Entry is what the registry knows of a code.
type Entry struct {
	Component string
	Exit      int
	// Meaning says when the code appears.
	Meaning string
	// Remedy is used where no better one is known.
	Remedy string
}

// Component is the part of the product that the code is about.
func (c Code) Component() string { return c.entry().Component }

func (c Code) entry() Entry { return registry[c] }

// Entry is what the registry knows of the code; false when it is not in it.
func (c Code) Entry() (Entry, bool) {
	e, ok := registry[c]
	return e, ok
}

// Codes are all codes of the registry, sorted.
func Codes() []Code { return slices.Sorted(maps.Keys(registry)) }

var registry = map[Code]Entry{
	General:      {"CLI", ExitGeneral, "A failure without a code of its own.", "Run it again with --verbose"},
	Usage:        {"CLI", ExitValidation, "A command, argument or flag is wrong.", "See pawskind --help"},
	NotConfirmed: {"CLI", ExitValidation, "Data would be deleted and the exact phrase was not given.", "Repeat it and type yes-delete-all-data, or add --confirm yes-delete-all-data"},
	Interrupted:  {"CLI", ExitInterrupted, "The command was interrupted.", "Run the same command again: it goes on from here"},
	Busy:         {"CLI", ExitGeneral, "Another pawskind changes the same project.", "Wait until it has ended"},
	NoService:    {"CLI", ExitValidation, "A service or pod of that name does not exist.", "See pawskind status for the names"},

	ConfigInvalid:      {"CONFIG", ExitValidation, "pawskind.yaml, a PAWSKIND_ variable or a flag has an unknown key or a wrong value.", "Mend the named line; docs/contracts/config.md lists the keys"},
	EnvironmentInvalid: {"CONFIG", ExitValidation, "The PawsEnvironment file cannot be read or is refused by the API server.", "Mend the named field of the file"},
	OtherProject:       {"CONFIG", ExitValidation, "A cluster of that name belongs to another project.", "Choose another name with --name, or run pawskind down in the other project"},
	SourceMissing:      {"CONFIG", ExitValidation, "Something must be built and the source checkout was not found.", "Run it inside the checkout, or set source in pawskind.yaml"},
	DataDiffers:        {"CONFIG", ExitValidation, "The data of an earlier cluster is of another shape than what is asked for.", "Start it in its old shape, which a running environment may then change, or delete the data: make local-reset"},

	LowMemory:        {"SYSTEM", ExitResource, "The container engine has less memory than the environment needs.", "Close other applications, or give the engine more memory"},
	LowDisk:          {"SYSTEM", ExitResource, "Too little disk space is free.", "Free some space: docker system prune removes unused images"},
	FewCPUs:          {"SYSTEM", ExitResource, "The container engine has fewer CPU cores than recommended.", "Give the engine more cores, or use --profile fast"},
	LowInotify:       {"SYSTEM", ExitResource, "The kernel's inotify limits are too low for a cluster of several nodes.", "Run: sudo sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288"},
	ClockWrong:       {"SYSTEM", ExitValidation, "The clock went backwards, so certificates would not be valid.", "Set the clock, then run it again"},
	CgroupV1:         {"SYSTEM", ExitValidation, "The host runs cgroup v1. This is for information only.", "Nothing need be done"},
	FileFailed:       {"SYSTEM", ExitGeneral, "A file or folder of the project cannot be read or written.", "See to the permissions of the named path"},
	UnknownProvider:  {"SYSTEM", ExitValidation, "The provider is not docker, podman or auto.", "Use docker, podman or auto"},
	InstallFailed:    {"SYSTEM", ExitGeneral, "Installing the container engine failed.", "Look at the named log, or install a container engine by hand"},
	EngineNotStarted: {"SYSTEM", ExitGeneral, "The container engine does not start.", "Look at /var/log/dockerd.log"},
	EngineMissing:    {"SYSTEM", ExitResource, "No container engine is installed.", "Install Docker (20.10 or newer) or Podman (4.0 or newer)"},
	EngineStopped:    {"SYSTEM", ExitResource, "The container engine is installed and does not answer.", "Start it: sudo systemctl start docker, or open Docker Desktop"},
	EngineOld:        {"SYSTEM", ExitValidation, "The container engine is older than what kind needs.", "Update to Docker 20.10 or Podman 4.0, or newer"},
	EngineDenied:     {"SYSTEM", ExitResource, "This user may not use the container engine.", "Run: sudo usermod -aG docker $USER, then log in again"},
	ToolMissing:      {"SYSTEM", ExitResource, "A program that the tests and the pipeline need is not installed.", "Install what is named"},

	PortInUse:   {"NETWORK", ExitResource, "A host port that the environment publishes is in use.", "Stop what uses it, or choose another port in pawskind.yaml"},
	Unreachable: {"NETWORK", ExitNetwork, "An address cannot be reached.", "See to the network connection"},
	NotIsolated: {"NETWORK", ExitNetwork, "The cluster's network enforces no NetworkPolicy. This is a warning.", "Use a node image whose network enforces them: docs/security.md says which"},

	ImageUnavailable:     {"IMAGES", ExitGeneral, "An image is not present and can neither be pulled nor built.", "Run pawskind images build --verbose"},
	ImageNotLoaded:       {"IMAGES", ExitGeneral, "Images cannot be loaded into the cluster.", "Run pawskind images load --verbose"},
	NodeImageUnavailable: {"IMAGES", ExitGeneral, "The node image is not present and can neither be pulled nor built.", "Run make node-image"},

	ClusterNotCreated: {"CLUSTER", ExitGeneral, "The kind cluster cannot be created.", "Run it again with --verbose --retain and look at the node's logs"},
	ClusterMissing:    {"CLUSTER", ExitNetwork, "The cluster does not exist.", "Run make local-start"},
	ClusterStopped:    {"CLUSTER", ExitNetwork, "The cluster is stopped.", "Run make local-start"},
	ClusterNotStarted: {"CLUSTER", ExitGeneral, "The cluster's nodes do not start again.", "Run pawskind down and pawskind up: the data is kept"},
	ClusterNotDeleted: {"CLUSTER", ExitGeneral, "The cluster or something of it cannot be deleted.", "Run it again with --verbose"},
	APIUnreachable:    {"CLUSTER", ExitNetwork, "The Kubernetes API does not answer.", "See pawskind status, or run make local-start"},
	ClusterRefused:    {"CLUSTER", ExitGeneral, "The Kubernetes API refuses an object.", "Run it again with --verbose"},

	OperatorUnreachable: {"OPERATOR", ExitHealth, "The operator does not answer, so health cannot be judged.", "Run pawskind logs operator"},
	OperatorNotStarted:  {"OPERATOR", ExitHealth, "The operator does not start.", "Run pawskind logs operator"},

	EnvironmentTimeout:   {"ENVIRONMENT", ExitHealth, "The environment is not healthy within the timeout.", "Run pawskind health --verbose"},
	EnvironmentStalled:   {"ENVIRONMENT", ExitHealth, "The operator cannot go on without help.", "Mend what the message names"},
	EnvironmentMissing:   {"ENVIRONMENT", ExitHealth, "The cluster has no such environment.", "Run make local-start"},
	EnvironmentUnhealthy: {"ENVIRONMENT", ExitHealth, "A component of the environment is not healthy.", "Run pawskind health --verbose"},

	LogErrors: {"ENVIRONMENT", ExitHealth, "Error lines are in recent logs (health --strict).", "Run pawskind logs"},

	EtcdQuorum:        {"ETCD", ExitHealth, "The etcd cluster has no quorum.", "Check logs: make local-logs SERVICE=etcd"},
	EtcdDisk:          {"ETCD", ExitHealth, "The etcd database exceeds its threshold.", "Compact and defragment it"},
	EtcdNotStarted:    {"ETCD", ExitHealth, "An etcd member does not start.", "Check logs: make local-logs SERVICE=etcd"},
	PatroniNoLeader:   {"PATRONI", ExitHealth, "PostgreSQL has no leader.", "Verify etcd healthy: make local-health"},
	PatroniLag:        {"PATRONI", ExitHealth, "A PostgreSQL replica is too far behind.", "Check logs: make local-logs SERVICE=postgres"},
	PatroniNotStart:   {"PATRONI", ExitHealth, "A PostgreSQL member does not start.", "Check logs: make local-logs SERVICE=postgres"},
	WouldLoseData:     {"PATRONI", ExitValidation, "An operation would lose acknowledged writes.", "Wait until the cluster is well, or force it with the exact phrase"},
	OperationRefused:  {"PATRONI", ExitValidation, "An operation on PostgreSQL is refused.", "See pawskind health --verbose"},
	RedisQuorum:       {"REDIS", ExitHealth, "The Sentinels agree on no Redis master.", "Check logs: make local-logs SERVICE=sentinel"},
	RedisNotStarted:   {"REDIS", ExitHealth, "A Redis server or Sentinel does not start.", "Check logs: make local-logs SERVICE=redis"},
	AppNotStarted:     {"APP", ExitHealth, "An app does not start.", "Check its logs: make local-logs SERVICE=<app>"},
	FaultInvalid:      {"CHAOS", ExitValidation, "A fault or its target is wrong.", "See pawskind chaos list"},
	FaultRefused:      {"CHAOS", ExitValidation, "Faults are refused on a cluster that is not marked as local.", "Break a cluster that pawskind up has made"},
	FaultFailed:       {"CHAOS", ExitGeneral, "A fault could not be done or undone.", "See pawskind chaos status and pawskind logs agent"},
	FaultNotSupported: {"CHAOS", ExitResource, "The kernel or the node cannot do that fault.", "See pawskind chaos list for others"},
	FaultMissing:      {"CHAOS", ExitValidation, "No such fault is declared.", "See pawskind chaos status"},

	NoScenario:   {"DRILL", ExitValidation, "There is no such scenario.", "See pawskind drill list"},
	DrillFailed:  {"DRILL", ExitGeneral, "A drill could not be carried out, so it has no verdict.", "See pawskind health, then run it again"},
	DrillVerdict: {"DRILL", ExitHealth, "A drill found that the environment did not hold.", "Look at the drill's report"},

	WorkflowInvalid:    {"CI", ExitValidation, "The workflow is not one that the remote would accept.", "Mend the line that is named"},
	EventForeign:       {"CI", ExitValidation, "The workflow does not run on that event.", "Choose one of its events with --event"},
	RunsOnUnknown:      {"CI", ExitValidation, "A job asks for a machine that this one is not.", "Choose other jobs with --job, or run it on the remote"},
	ActionUnreachable:  {"CI", ExitNetwork, "An action is neither built in nor can it be fetched.", "Connect to the network, or call what the action does from a run step"},
	RunUnknown:         {"CI", ExitValidation, "There is no run of that number.", "See pawskind ci artifacts list"},
	ArtifactUnknown:    {"CI", ExitValidation, "The run has no artifact of that name.", "See pawskind ci artifacts list"},
	JobUnknown:         {"CI", ExitValidation, "The workflow has no such job.", "See pawskind ci --list"},
	ServicesDown:       {"CI", ExitNetwork, "A job uses services of the environment, and the environment does not run.", "Run make local-start, or use --services container"},
	NoRepository:       {"CI", ExitValidation, "Workflows belong to a git repository, and git finds none.", "Run it inside a git repository"},
	NoWorkflow:         {"CI", ExitValidation, "The repository has no such workflow.", "Put one into .github/workflows"},
	RunFailed:          {"CI", ExitGeneral, "A job of the workflow failed or was cancelled.", "Mend it and run pawskind ci again: only it and what depends on it run"},
	NotReproduced:      {"CI", ExitValidation, "With --strict, the workflow uses something that is not reproduced here.", "Leave out --strict, or see docs/ci.md for what is reproduced"},
	HookForeign:        {"CI", ExitValidation, "Another pre-push hook is there and is not overwritten.", "Call 'pawskind ci' from that hook, or move it away"},
	RemoteUnreadable:   {"CI", ExitValidation, "The file of a remote run cannot be read.", "Download it: gh api repos/OWNER/REPO/actions/runs/ID/jobs > FILE"},
	RemoteDiffers:      {"CI", ExitGeneral, "A run here and one on the remote ended differently.", "Look at the jobs and steps that are marked"},
	JobImageMissing:    {"CI", ExitNetwork, "An image that a job uses is not on this machine and cannot be fetched.", "Build or load it under that name; with --runner container, choose another by --image"},
	ServiceUnavailable: {"CI", ExitNetwork, "A service of a job cannot be had.", "See to what the message names"},

	CertificatesInvalid: {"CERTS", ExitHealth, "A certificate of the environment is not what it should be.", "See pawskind certs and docs/certificates.md"},
	CertificateUnknown:  {"CERTS", ExitValidation, "The operator makes no certificate of that name, or does not make it itself.", "See pawskind certs for the names"},
	RenewalUnfinished:   {"CERTS", ExitHealth, "Certificates that were asked for are not in force yet.", "Follow it with: pawskind certs; pawskind health tells what keeps it"},

	SecretMissing:      {"SECRETS", ExitValidation, "A secret is missing from .local/secrets.env.", "Run: make local-gen-secrets"},
	SecretsLost:        {"SECRETS", ExitValidation, "Data exists that was made with passwords which are no longer in .local/secrets.env.", "Put the old .local/secrets.env back, or delete the data: make local-reset"},
	SecretUnreadable:   {"SECRETS", ExitValidation, "A line of .local/secrets.env is not KEY=value.", "Mend the named line"},
	SecretWeak:         {"SECRETS", ExitValidation, "A secret of .local/secrets.env can be guessed.", "Run: make local-rotate-secrets SECRET=NAME"},
	SecretTracked:      {"SECRETS", ExitValidation, "Git tracks .local/secrets.env.", "Run git rm --cached .local/secrets.env, commit, and replace what was committed: pawskind secrets rotate"},
	RotationUnfinished: {"SECRETS", ExitHealth, "A rotation of secrets is not done in time; the operator goes on with it.", "See what it waits for: pawskind status; then run pawskind secrets rotate again, which goes on from there"},
	SecretUnknown:      {"SECRETS", ExitValidation, "There is no secret of that name.", "See pawskind secrets validate --verbose"},
}
