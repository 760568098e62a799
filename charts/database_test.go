// Services on a PostgreSQL server: no volumes, and as many pods as are asked for.
package charts_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"fountain.coach/fountainai/charts"
)

// rendered returns what the umbrella makes of values, as JSON by kind and name.
func rendered(t *testing.T, values string) map[string]string {
	t.Helper()
	objects, err := charts.Render(charts.Umbrella, charts.Release{Name: "play", Namespace: "default"}, parse(t, values))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, object := range objects {
		content, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		all[object.GetKind()+" "+object.GetName()] = string(content)
	}
	return all
}

func TestDatabaseServer(t *testing.T) {
	const values = `{global: {storageEngine: postgres, database: {existingSecret: db, key: "{service}-url", port: 6432, peers: [{podSelector: {matchLabels: {app: pg}}}]}},
		character: {replicas: 3}, storyfactory: {autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 9, cpuPercent: 50}}}`
	objects := rendered(t, values)
	for _, service := range charts.Services {
		set := objects["StatefulSet play-"+service]
		secret := fmt.Sprintf(`{"name":"FOUNTAIN_DATABASE_URL","valueFrom":{"secretKeyRef":{"key":"%s-url","name":"db"}}}`, service)
		for text, want := range map[string]bool{secret: true, "persistentVolumeClaim": false, `"mountPath":"/data"`: false, "file:/data": false, `"mountPath":"/tmp"`: true} {
			if strings.Contains(set, text) != want {
				t.Errorf("%s: that it has %s is %v: %s", service, text, !want, set)
			}
		}
		if claim := objects["PersistentVolumeClaim play-"+service+"-data"]; claim != "" {
			t.Errorf("%s has a volume: %s", service, claim)
		}
		if policy := objects["NetworkPolicy play-"+service]; !strings.Contains(policy, `{"ports":[{"port":6432,"protocol":"TCP"}],"to":[{"podSelector":{"matchLabels":{"app":"pg"}}}]}`) {
			t.Errorf("%s may not go to the server: %s", service, policy)
		}
	}
	if got := objects["StatefulSet play-character"]; !strings.Contains(got, `"replicas":3`) || strings.Count(got, `"whenUnsatisfiable":"ScheduleAnyway"`) != 2 {
		t.Errorf("three pods: %s", got)
	}
	if got := objects["StatefulSet play-sessioncontext"]; !strings.Contains(got, `"replicas":1`) || strings.Contains(got, "topologySpreadConstraints") {
		t.Errorf("one pod: %s", got)
	}
	if got := objects["StatefulSet play-storyfactory"]; strings.Contains(got, `"replicas"`) || !strings.Contains(got, "topology.kubernetes.io/zone") {
		t.Errorf("as many pods as the autoscaler says: %s", got)
	}
	scaler := objects["HorizontalPodAutoscaler play-storyfactory"]
	for _, text := range []string{`"minReplicas":3`, `"maxReplicas":9`, `"averageUtilization":50`, `{"apiVersion":"apps/v1","kind":"StatefulSet","name":"play-storyfactory"}`} {
		if !strings.Contains(scaler, text) {
			t.Errorf("the autoscaler has no %s: %s", text, scaler)
		}
	}
	if objects["HorizontalPodAutoscaler play-character"] != "" {
		t.Error("an autoscaler that nobody asked for")
	}
}

// On SQLite nothing is different from before there was a choice.
func TestDatabaseFile(t *testing.T) {
	objects := rendered(t, ``)
	set := objects["StatefulSet play-character"]
	for _, text := range []string{`{"name":"FOUNTAIN_DATABASE_URL","value":"file:/data/character.db"}`, `"claimName":"play-character-data"`, `"replicas":1`} {
		if !strings.Contains(set, text) {
			t.Errorf("no %s: %s", text, set)
		}
	}
	if policy := objects["NetworkPolicy play-character"]; strings.Contains(policy, "5432") {
		t.Errorf("it may go to a server: %s", policy)
	}
}

// What contradicts the engine is refused, with what to do.
func TestDatabaseRefuses(t *testing.T) {
	for _, test := range []struct{ chart, values, want string }{
		{charts.Umbrella, `{global: {storageEngine: postgres}}`, "global.database.existingSecret: name the Secret"},
		{charts.Umbrella, `{global: {storageEngine: postgres, database: {existingSecret: db}, backup: {enabled: true}}}`, "global.backup.enabled copies SQLite files"},
		{charts.Umbrella, `{global: {storageEngine: postgres, database: {existingSecret: db}, restore: {enabled: true, objectStore: {bucket: b}}}}`, "global.restore.enabled fills volumes"},
		{charts.Umbrella, `{character: {replicas: 2}}`, "character: a SQLite file has one process"},
		{"character", `{autoscaling: {enabled: true}}`, "a SQLite file has one process"},
		{"character", `{storage: {engine: postgres}}`, " database.existingSecret: name the Secret"},
		{"character", `{storage: {engine: postgres}, database: {existingSecret: db}, autoscaling: {enabled: true, minReplicas: 7}}`, "maxReplicas is below"},
	} {
		_, err := charts.Render(test.chart, demo, parse(t, test.values))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s takes %s or refuses it with %v, want %q in it", test.chart, test.values, err, test.want)
		}
	}
}
