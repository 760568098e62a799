//go:build e2e

// A stack without volumes: three pods of each service share a PostgreSQL server.

package e2e

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// TestPostgres has three pods of each service, kills all of them and the server, and finds everything.
func TestPostgres(t *testing.T) {
	server := postgrestest.Start(t)
	namespace := namespace(t, "replicas")
	edge := edgeListener(t)
	socket := socketOf(t, server)
	go relay(edge, func() (net.Conn, error) { return net.Dial("unix", socket) })
	address := url.URL{Scheme: "postgres", User: url.User("fountain"), Host: edge.Addr().String(), Path: "postgres", RawQuery: "sslmode=disable&pool_max_conns=4"}
	run(t, "kubectl", "-n", namespace, "create", "secret", "generic", "database", "--from-literal=url="+address.String())
	values := []string{"global.storageEngine=postgres", "global.database.existingSecret=database", fmt.Sprint("global.database.port=", portOf(edge))}
	for service := range reads {
		values = append(values, service+".replicas=3")
	}
	install(t, namespace, "play", values...)
	s := open(t, namespace, "play")
	s.values = values
	const pods = 3*5 + 2
	t.Run("there is no volume", func(t *testing.T) {
		claims, err := api.CoreV1().PersistentVolumeClaims(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil || len(claims.Items) > 0 {
			t.Errorf("%d claims, %v", len(claims.Items), err)
		}
		allReady(t, namespace, pods)
	})
	t.Run("the gateway conforms", s.conforms)
	t.Run("every pod is killed during imports", func(t *testing.T) { killedDuringImports(t, s, pods) })
	t.Run("a service is upgraded under load", func(t *testing.T) { upgradedUnderLoad(t, s) })
	t.Run("the server crashes", func(t *testing.T) { serverCrashes(t, s, server) })
}

// serverCrashes ends the server in the middle of writes: what was acknowledged is there when it is back, and the pods go on.
func serverCrashes(t *testing.T, s *stack, server *postgrestest.Server) {
	restarts := restartsOf(t, s.namespace)
	load := start(t, s)
	time.Sleep(2 * time.Second)
	server.Kill()
	time.Sleep(2 * time.Second)
	server.Restart(t)
	eventually(t, time.Minute, func() error { return s.answers(t.Context()) })
	report := load.stop()
	t.Log(report)
	if len(report.created) == 0 || len(report.failures["character"]) == 0 {
		t.Error("the server did not crash under load")
	}
	report.allThere(t, s)
	if after := restartsOf(t, s.namespace); after != restarts {
		t.Errorf("containers restarted %d times because the server was away", after-restarts)
	}
}

// restartsOf counts the restarts of all containers of a stack.
func restartsOf(t *testing.T, namespace string) (count int32) {
	t.Helper()
	pods, err := api.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: ofStack})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		for _, container := range pod.Status.ContainerStatuses {
			count += container.RestartCount
		}
	}
	return count
}

// socketOf returns the socket on which a server of the tests listens.
func socketOf(t *testing.T, server *postgrestest.Server) string {
	t.Helper()
	address, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(address.Query().Get("host"), ".s.PGSQL.5432")
}
