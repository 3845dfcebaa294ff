package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pki"
	"github.com/paws360/pawskind/internal/pods"
	"github.com/paws360/pawskind/internal/problem"
)

// CertsResult are the certificates in force, the CA's first.
type CertsResult struct {
	Environment  string        `json:"environment"`
	Valid        bool          `json:"valid"`
	Reason       string        `json:"reason"`
	Message      string        `json:"message,omitempty"`
	Certificates []Certificate `json:"certificates"`
}

// Certificate is one certificate.
type Certificate struct {
	Name        string     `json:"name"`
	For         string     `json:"for"`
	Issuer      string     `json:"issuer,omitempty"`
	Fingerprint string     `json:"fingerprint"`
	IssuedAt    time.Time  `json:"issuedAt"`
	Expires     time.Time  `json:"expires"`
	Renews      *time.Time `json:"renews,omitempty"`
	SuppliedBy  string     `json:"suppliedBy,omitempty"`
}

// CAResult is whom a client of the environment has to trust.
type CAResult struct {
	// Certificates are the CA's and, while one follows another, both, as PEM.
	Certificates string `json:"certificates"`
	// File is where they were written to.
	File string `json:"file"`
}

const (
	renewPatience  = 40 * time.Second
	rotatePatience = 15 * time.Minute
)

// Certs lists the certificates. One that is not what it should be is an error.
func (a *App) Certs(ctx context.Context) error {
	_, env, err := a.environment(ctx)
	if err != nil {
		return err
	}
	r := certificates(env)
	if err := a.Show(r, func(out io.Writer) { a.printCertificates(out, r) }); err != nil {
		return err
	}
	if !r.Valid {
		return problem.New(problem.CertificatesInvalid, "%s", orElse(r.Message, "the operator has not looked at the certificates yet"))
	}
	return nil
}

func certificates(env *v1alpha1.PawsEnvironment) CertsResult {
	r := CertsResult{Environment: env.Namespace + "/" + env.Name, Reason: v1alpha1.ReasonProbing, Certificates: []Certificate{}}
	if c := meta.FindStatusCondition(env.Status.Conditions, v1alpha1.ConditionCertificatesValid); c != nil {
		r.Valid, r.Reason, r.Message = c.Status == metav1.ConditionTrue, c.Reason, c.Message
	}
	for _, c := range env.Status.Certificates {
		one := Certificate{
			Name: c.Name, For: c.For, Issuer: c.Issuer, Fingerprint: c.Fingerprint,
			IssuedAt: c.IssuedAt.Time, Expires: c.NotAfter.Time, SuppliedBy: c.SuppliedBy,
		}
		if c.RenewalTime != nil {
			one.Renews = &c.RenewalTime.Time
		}
		r.Certificates = append(r.Certificates, one)
	}
	return r
}

func (a *App) printCertificates(out io.Writer, r CertsResult) {
	table := [][]string{{"NAME", "FOR", "EXPIRES", "RENEWED", "ISSUER"}}
	for _, c := range r.Certificates {
		renewed := "by whoever made it"
		switch {
		case c.Renews != nil:
			renewed = c.Renews.Local().Format(time.DateOnly)
		case c.SuppliedBy != "":
			renewed = "with " + c.SuppliedBy
		}
		table = append(table, []string{c.Name, c.For, c.Expires.Local().Format(time.DateOnly), renewed, c.Issuer})
	}
	rows(out, "", table)
	verdict := v1alpha1.Healthy
	if !r.Valid {
		verdict = v1alpha1.Unhealthy
	}
	_, _ = fmt.Fprintf(out, "%s %s\n", a.mark(verdict), r.Message)
}

// RenewCertificates has certificates made anew, all but the CA's for no name.
// Members read them without a restart.
func (a *App) RenewCertificates(ctx context.Context, names []string) error {
	client, env, err := a.environment(ctx)
	if err != nil {
		return err
	}
	before := prints(env)
	if names, err = renewable(env, names); err != nil {
		return err
	}
	if err := client.RenewCertificates(ctx, env, names); err != nil {
		return err
	}
	anew := func(e *v1alpha1.PawsEnvironment) bool {
		now := prints(e)
		return !slices.ContainsFunc(names, func(name string) bool { return now[name] == before[name] })
	}
	env, err = a.awaitCertificates(ctx, client, env, renewPatience, "Waiting for the new certificates", anew)
	if err != nil {
		return err
	}
	r := certificates(env)
	return a.Show(r, func(out io.Writer) {
		a.printCertificates(out, r)
		_, _ = fmt.Fprintf(out, "Made anew: %s. Members read them within two minutes, without a restart.\n", strings.Join(names, ", "))
	})
}

// renewable checks the names, which may leave out "-tls", and fills in all.
func renewable(env *v1alpha1.PawsEnvironment, names []string) ([]string, error) {
	var known []string
	for _, c := range env.Status.Certificates {
		if c.Name != pki.CA && c.SuppliedBy == "" {
			known = append(known, c.Name)
		}
	}
	if len(names) == 0 {
		return known, nil
	}
	var list []string
	for _, name := range names {
		if !slices.Contains(known, name) {
			name += "-tls"
		}
		if !slices.Contains(known, name) {
			return nil, problem.New(problem.CertificateUnknown, "the operator makes no certificate %s", strings.TrimSuffix(name, "-tls")).
				Do("The names are: %s", strings.Join(known, ", "))
		}
		list = append(list, name)
	}
	return list, nil
}

func prints(env *v1alpha1.PawsEnvironment) map[string]string {
	list := map[string]string{}
	for _, c := range env.Status.Certificates {
		list[c.Name] = c.Fingerprint
	}
	return list
}

func (a *App) awaitCertificates(ctx context.Context, client *install.Client, env *v1alpha1.PawsEnvironment, patience time.Duration, what string, done func(*v1alpha1.PawsEnvironment) bool) (*v1alpha1.PawsEnvironment, error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p := a.Progress()
	defer p.Finish()
	p.Show(20, "%s", what)
	last, err := client.AwaitFaults(waiting, env.Namespace, env.Name, done)
	switch {
	case err == nil:
		return last, nil
	case ctx.Err() != nil:
		return nil, problem.New(problem.Interrupted, "interrupted: the operator goes on with it")
	}
	return nil, problem.New(problem.RenewalUnfinished, "not done within %s: the operator goes on with it", patience)
}

// RotateCA has another CA follow the one in force.
func (a *App) RotateCA(ctx context.Context, wait bool) error {
	client, env, err := a.environment(ctx)
	if err != nil {
		return err
	}
	if env.Spec.TLS.CASecretRef != nil {
		return problem.New(problem.CertificateUnknown, "the CA was handed in with the Secret %s: put another one there, and it follows", env.Spec.TLS.CASecretRef.Name)
	}
	if !a.Confirm("A new CA will be made, and etcd and PostgreSQL restarted member by member, twice. Continue?") {
		return problem.New(problem.Interrupted, "nothing was done")
	}
	before := prints(env)[pki.CA]
	if err := client.RenewCertificates(ctx, env, []string{pki.CA}); err != nil {
		return err
	}
	reason := func(e *v1alpha1.PawsEnvironment) string { return certificates(e).Reason }
	if _, err := a.awaitCertificates(ctx, client, env, renewPatience, "Waiting for the new CA", func(e *v1alpha1.PawsEnvironment) bool {
		return reason(e) == v1alpha1.ReasonRotatingCA || prints(e)[pki.CA] != before
	}); err != nil {
		return err
	}
	if !wait {
		a.Note("The new CA is being made known. Follow it with: pawskind certs")
		return a.saveCA(ctx, client)
	}
	env, err = a.awaitCertificates(ctx, client, env, rotatePatience, "Every member gets to know the new CA, then a certificate of it, then forgets the old one", func(e *v1alpha1.PawsEnvironment) bool {
		return reason(e) == v1alpha1.ReasonCertificatesIssued && prints(e)[pki.CA] != before
	})
	if err != nil {
		return err
	}
	if err := a.saveCA(ctx, client); err != nil {
		return err
	}
	r := certificates(env)
	return a.Show(r, func(out io.Writer) { a.printCertificates(out, r) })
}

// CA prints the CA's certificate, and writes it to .local/ca.crt.
func (a *App) CA(ctx context.Context) error {
	client, err := a.client(ctx)
	if err != nil {
		return err
	}
	content, err := a.readCA(ctx, client)
	if err != nil {
		return err
	}
	if err := a.writeCA(content); err != nil {
		return err
	}
	return a.Show(CAResult{content, a.Config.CAFile()}, func(out io.Writer) { _, _ = io.WriteString(out, content) })
}

func (a *App) saveCA(ctx context.Context, client *install.Client) error {
	content, err := a.readCA(ctx, client)
	if err != nil {
		return err
	}
	return a.writeCA(content)
}

func (a *App) readCA(ctx context.Context, client *install.Client) (string, error) {
	trust, err := client.Kube.CoreV1().ConfigMaps(a.Config.Namespace).Get(ctx, naming.TrustBundle, metav1.GetOptions{})
	switch {
	case err == nil:
		return trust.Data[pods.TrustKey], nil
	case apierrors.IsNotFound(err):
		return "", problem.New(problem.CertificatesInvalid, "the environment has no CA yet")
	}
	return "", problem.New(problem.APIUnreachable, "the CA's certificate cannot be read").Because(err)
}

// writeCA replaces the file in one step: a client may be reading it.
func (a *App) writeCA(content string) error {
	if err := a.Config.Prepare(); err != nil {
		return err
	}
	file := a.Config.CAFile()
	if old, err := os.ReadFile(file); err == nil && string(old) == content {
		return nil
	}
	fresh := file + ".new"
	if err := os.WriteFile(fresh, []byte(content), 0o644); err != nil {
		return problem.New(problem.FileFailed, "cannot write %s", fresh).Because(err)
	}
	if err := os.Rename(fresh, file); err != nil {
		return problem.New(problem.FileFailed, "cannot write %s", file).Because(err)
	}
	return nil
}

// Certificates are the names that renew knows, for completion.
func (a *App) Certificates(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, env, err := a.environment(ctx)
	if err != nil {
		return nil
	}
	names, _ := renewable(env, nil) // all names are known
	return names
}
