// What the charts tell a service of its replica.
package charts_test

import (
	"maps"
	"strings"
	"testing"

	"fountain.coach/fountainai/charts"
)

func TestServicesLearnOfTheirReplica(t *testing.T) {
	for _, test := range []struct {
		set  string
		want map[string]string // secrets stand as SECRET/KEY
	}{
		{"defaults", map[string]string{}},
		{"replica at AWS", map[string]string{"FOUNTAIN_REPLICA_URL": "s3://b/p?region=eu-central-1"}},
		{"replica in a store", map[string]string{
			"FOUNTAIN_REPLICA_URL":        "s3://b/p?endpoint=http%3A%2F%2Fminio.store:9000&path-style=true",
			"FOUNTAIN_REPLICA_RESTORE_AT": "2026-11-25T20:30:00Z", "AWS_ACCESS_KEY_ID": "keys/AWS_ACCESS_KEY_ID",
			"AWS_SECRET_ACCESS_KEY": "keys/AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN": "keys/AWS_SESSION_TOKEN",
		}},
		{"replica over SFTP", map[string]string{
			"FOUNTAIN_REPLICA_URL":         "sftp://fountain@backup.example.org:2222/copies",
			"FOUNTAIN_REPLICA_START_EMPTY": "true", "FOUNTAIN_SFTP_KEY": "keys/FOUNTAIN_SFTP_KEY",
			"FOUNTAIN_SFTP_PASSWORD": "keys/FOUNTAIN_SFTP_PASSWORD", "FOUNTAIN_SFTP_KNOWN_HOSTS": "keys/FOUNTAIN_SFTP_KNOWN_HOSTS",
		}},
	} {
		pods := templates(t, render(t, charts.Umbrella, parse(t, stackValues[test.set])))
		for _, service := range charts.Services {
			got := map[string]string{}
			for _, variable := range pods["fountainai-"+service].Spec.Containers[0].Env {
				about := strings.Contains(variable.Name, "REPLICA") || strings.HasPrefix(variable.Name, "AWS_") || strings.Contains(variable.Name, "SFTP")
				if !about {
					continue
				}
				got[variable.Name] = variable.Value
				if from := variable.ValueFrom; from != nil {
					got[variable.Name] = from.SecretKeyRef.Name + "/" + from.SecretKeyRef.Key
				}
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("%s, %s: got %v, want %v", test.set, service, got, test.want)
			}
		}
	}
}
