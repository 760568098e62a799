// Keys and tokens that the chart makes once.
package charts_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// secret returns what a Secret holds under a key.
func (r *release) secret(name, key string) string {
	r.t.Helper()
	var secret corev1.Secret
	if err := r.client.Get(r.t.Context(), client.ObjectKey{Namespace: r.namespace, Name: name}, &secret); err != nil {
		r.t.Fatal(err)
	}
	return string(secret.Data[key])
}

func TestTheSnapshotTokenStays(t *testing.T) {
	r := newRelease(t)
	r.helm("install", "story", folder, "--set", "global.backup.enabled=true")
	token := r.secret("story-snapshot", "token")
	if len(token) != 43 {
		t.Fatalf("the token has %d characters, want 43", len(token))
	}
	for _, arguments := range [][]string{
		{"upgrade", "story", folder, "--set", "global.backup.enabled=true,global.backup.target=objectStore,global.backup.objectStore.bucket=b"},
		{"rollback", "story", "1"},
	} {
		r.helm(arguments...)
		if now := r.secret("story-snapshot", "token"); now != token {
			t.Errorf("after helm %s the token is another", arguments[0])
		}
	}
}

// TestTheFirstKeyStaysWhileItIsNamed: the key that the chart made is accepted
// beside one of the user's own until nobody names it.
func TestTheFirstKeyStaysWhileItIsNamed(t *testing.T) {
	r := newRelease(t)
	const own = "cast-character-key-writer"
	r.helm("install", "cast", "character", "--set", "gateway.mode=ingress")
	key := r.secret(own, "key")
	r.helm("upgrade", "cast", "character", "--set", "gateway.mode=ingress,gateway.keys.writer.existingSecret=w2,gateway.keys.writer.additionalSecrets={"+own+"}")
	if now := r.secret(own, "key"); now != key || key == "" {
		t.Errorf("as an additional key it is another")
	}
	r.helm("upgrade", "cast", "character", "--set", "gateway.mode=ingress,gateway.keys.writer.existingSecret=w2")
	err := r.client.Get(t.Context(), client.ObjectKey{Namespace: r.namespace, Name: own}, &corev1.Secret{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("nobody names the first key any more, and it is still there: %v", err)
	}
}

// TestAKeyChangedByHandStays: a key is changed by writing another into its Secret.
func TestAKeyChangedByHandStays(t *testing.T) {
	r := newRelease(t)
	r.helm("install", "cast", "character", "--set", "gateway.mode=ingress")
	const key = "another-key-of-the-users-own"
	patch := fmt.Sprintf(`{"data":{"key":%q}}`, base64.StdEncoding.EncodeToString([]byte(key)))
	r.server.Run(t, "kubectl", "patch", "secret", "cast-character-key-writer", "-n", r.namespace, "--type=merge", "-p", patch)
	r.helm("upgrade", "cast", "character", "--set", "gateway.mode=ingress,log.level=debug")
	if now := r.secret("cast-character-key-writer", "key"); now != key {
		t.Errorf("after an upgrade the key is %q", now)
	}
}
