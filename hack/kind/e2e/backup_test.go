//go:build e2e

package e2e

import (
	"errors"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// backedUp has the CronJob make a backup in a bucket, and restores it into a new stack in another namespace.
func backedUp(t *testing.T, s *stack) {
	backend := s3mem.New()
	if err := backend.CreateBucket("backups"); err != nil {
		t.Fatal(err)
	}
	endpoint := outside(t, gofakes3.New(backend).Server())
	before := s.rows(t)
	bucket := func(of string) []string {
		prefix := "global." + of + ".objectStore."
		return []string{
			"global." + of + ".enabled=true", prefix + "bucket=backups", prefix + "endpoint=" + endpoint, prefix + "region=us-east-1",
			prefix + "pathStyle=true", prefix + "existingSecret=store",
		}
	}
	store(t, s.namespace)
	s.upgrade(t, append(bucket("backup"), "global.backup.target=objectStore", "global.backup.schedule=* * * * *")...)
	eventually(t, 3*time.Minute, func() error {
		job, err := api.BatchV1().CronJobs(s.namespace).Get(t.Context(), s.name+"-backup", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if job.Status.LastSuccessfulTime == nil {
			return errors.New("no backup was made")
		}
		return nil
	})

	copied := namespace(t, "restored")
	store(t, copied)
	install(t, copied, "copy", append(bucket("restore"), "global.restore.source=objectStore")...)
	other := open(t, copied, "copy")
	if after := other.rows(t); after != before {
		t.Errorf("what was backed up:\n%s\nwhat was restored:\n%s", before, after)
	}
	other.holds(t, 1, longPlay(t))
	if err := other.importPlay(t.Context(), sample(t, "AFTER THE RESTORE")); err != nil {
		t.Errorf("the restored stack takes no play: %v", err)
	}
}

// store makes the Secret with the credentials of the bucket.
func store(t *testing.T, namespace string) {
	t.Helper()
	run(t, "kubectl", "-n", namespace, "create", "secret", "generic", "store", "--from-literal=AWS_ACCESS_KEY_ID=id", "--from-literal=AWS_SECRET_ACCESS_KEY=secret")
}
