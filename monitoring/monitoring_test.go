// Package monitoring tests what stands beside it: that every query of the rules
// and dashboards asks for something that FountainAI exports, and that the rules
// do what they say.
package monitoring

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no file is %s: %v", pattern, err)
	}
	return files
}

func decodeYAML(t *testing.T, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// prometheusConfig is what the tests need of prometheus.yml.
type prometheusConfig struct {
	RuleFiles     []string `yaml:"rule_files"`
	ScrapeConfigs []struct {
		JobName       string `yaml:"job_name"`
		HonorLabels   bool   `yaml:"honor_labels"`
		MetricsPath   string `yaml:"metrics_path"`
		StaticConfigs []struct {
			Targets []string
		} `yaml:"static_configs"`
		DNSConfigs []struct {
			Names []string
			Type  string
			Port  int
		} `yaml:"dns_sd_configs"`
	} `yaml:"scrape_configs"`
}

// targets maps each target of prometheus.yml to its job.
func targets(t *testing.T) map[string]string {
	t.Helper()
	var config prometheusConfig
	decodeYAML(t, "prometheus.yml", &config)
	jobs := map[string]string{}
	for _, scrape := range config.ScrapeConfigs {
		if scrape.MetricsPath != "" {
			t.Errorf("job %s scrapes %s; all of ours answer at /metrics", scrape.JobName, scrape.MetricsPath)
		}
		if scrape.HonorLabels != (scrape.JobName == "fountain") {
			t.Errorf("job %s: honor_labels is %v", scrape.JobName, scrape.HonorLabels)
		}
		for _, static := range scrape.StaticConfigs {
			for _, target := range static.Targets {
				jobs[target] = scrape.JobName
			}
		}
		for _, dns := range scrape.DNSConfigs {
			for _, name := range dns.Names {
				jobs[fmt.Sprintf("%s:%d", name, dns.Port)] = scrape.JobName
			}
		}
	}
	return jobs
}

func TestTargets(t *testing.T) {
	got := targets(t)
	want := map[string]string{
		"centralsequence:8000": "fountain", "character:8000": "fountain", "scriptmanagement:8000": "fountain",
		"sessioncontext:8000": "fountain", "storyfactory:8000": "fountain", kongStatus: "kong",
	}
	if !maps.Equal(got, want) {
		t.Errorf("prometheus.yml scrapes %v; want %v", got, want)
	}
}

// rule is an alert or a recording rule.
type rule struct {
	Alert, Record, Expr, For string
	Labels, Annotations      map[string]string
}

func rules(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, file := range glob(t, "rules/*.yml") {
		var content struct{ Groups []struct{ Rules []rule } }
		decodeYAML(t, file, &content)
		for _, group := range content.Groups {
			all = append(all, group.Rules...)
		}
	}
	return all
}

// dashboard is what the tests need of a Grafana dashboard.
type dashboard struct {
	ID            *int
	UID, Title    string
	SchemaVersion int
	Panels        []panel
	Templating    struct{ List []variable }
	Annotations   struct {
		List []struct{ Name, Expr string }
	}
}

type panel struct {
	ID          int
	Title, Type string
	Datasource  datasource
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct {
		RefID, Expr string
		Datasource  datasource
	}
	Panels []panel
}

type datasource struct{ Type, UID string }

type variable struct {
	Name, Type string
	Query      json.RawMessage
	Definition string
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	all := map[string]dashboard{}
	for _, file := range glob(t, "grafana/dashboards/*.json") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(content, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	return all
}

// expressions maps where a PromQL expression stands to what it is, with
// Grafana's variables replaced.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, r := range rules(t) {
		all["rule "+r.Alert+r.Record] = r.Expr
	}
	for file, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				if target.Datasource.Type == "prometheus" {
					all[file+", "+p.Title+" "+target.RefID] = d.substitute(t, target.Expr)
				}
			}
		}
		for _, annotation := range d.Annotations.List {
			if annotation.Expr != "" {
				all[file+", annotation "+annotation.Name] = d.substitute(t, annotation.Expr)
			}
		}
	}
	return all
}

var grafanaVariable = regexp.MustCompile(`\$\{?(\w+)\}?`)

// substitute replaces the variables, each of which must be known.
func (d dashboard) substitute(t *testing.T, expr string) string {
	t.Helper()
	return grafanaVariable.ReplaceAllStringFunc(expr, func(found string) string {
		name := grafanaVariable.FindStringSubmatch(found)[1]
		if slices.Contains([]string{"__rate_interval", "__interval", "__range"}, name) {
			return "5m"
		}
		if !slices.ContainsFunc(d.Templating.List, func(v variable) bool { return v.Name == name }) {
			t.Errorf("%s: no variable %s for %s", d.Title, name, expr)
		}
		return ".*"
	})
}

// known is all that a query may ask for: what the stack exports, what the rules
// record, and what Prometheus itself adds.
func known(t *testing.T) exports {
	t.Helper()
	servers, all := startStack(t), exports{}
	for target, job := range targets(t) {
		all.scrape(t, servers, job, target)
	}
	for _, r := range rules(t) {
		if r.Alert != "" {
			labels := map[string]string{"alertname": r.Alert, "alertstate": "firing", "service": ""}
			maps.Copy(labels, r.Labels)
			all.add("ALERTS", labels)
			continue
		}
		// By convention a recorded name begins with the labels it has.
		level, _, _ := strings.Cut(r.Record, ":")
		labels := map[string]string{}
		for label := range strings.SplitSeq(level, "_") {
			labels[label] = ""
		}
		all.add(r.Record, labels)
	}
	return all
}

// closed are the labels whose every value is there from the start.
var closed = []string{"job", "outcome", "direction", "state", "severity"}

// check says what is wrong with a selector, or "".
func (e exports) check(s selector) string {
	labels, found := e[s.metric]
	if !found {
		return "nothing exports " + s.metric
	}
	for _, m := range s.matchers {
		values, found := labels[m.label]
		if !found {
			return fmt.Sprintf("%s has no label %s", s.metric, m.label)
		}
		if !slices.Contains(closed, m.label) {
			continue
		}
		for value := range strings.SplitSeq(m.value, "|") {
			if !values[value] {
				return fmt.Sprintf("%s never has %s=%q", s.metric, m.label, value)
			}
		}
	}
	return ""
}

func TestQueriesAskForWhatIsExported(t *testing.T) {
	all := known(t)
	labels := map[string]bool{}
	for _, of := range all {
		for label := range of {
			labels[label] = true
		}
	}
	for place, expr := range expressions(t) {
		q, err := parsePromQL(expr)
		if err != nil {
			t.Errorf("%s: %v", place, err)
			continue
		}
		if len(q.selectors) == 0 {
			t.Errorf("%s asks for nothing: %s", place, expr)
		}
		for _, s := range q.selectors {
			if fault := all.check(s); fault != "" {
				t.Errorf("%s: %s", place, fault)
			}
		}
		for _, label := range q.grouping {
			if !labels[label] {
				t.Errorf("%s: no metric has the label %s", place, label)
			}
		}
	}
	for file, d := range dashboards(t) {
		for _, v := range d.Templating.List {
			if v.Type == "query" {
				checkVariable(t, all, file, v)
			}
		}
	}
}

var labelValues = regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`)

func checkVariable(t *testing.T, all exports, file string, v variable) {
	t.Helper()
	var content struct{ Query string }
	if err := json.Unmarshal(v.Query, &content); err != nil || content.Query != v.Definition {
		t.Errorf("%s: variable %s has query %s and definition %s (%v)", file, v.Name, v.Query, v.Definition, err)
	}
	parts := labelValues.FindStringSubmatch(content.Query)
	if parts == nil {
		t.Fatalf("%s: variable %s is not label_values(metric, label): %s", file, v.Name, content.Query)
	}
	if fault := all.check(selector{parts[1], []matcher{{label: parts[2]}}}); fault != "" {
		t.Errorf("%s: variable %s: %s", file, v.Name, fault)
	}
}

// The check itself must find what is wrong.
func TestCheckFindsFaults(t *testing.T) {
	all := exports{}
	all.add("a", map[string]string{"job": "fountain", "code": "200"})
	for expr, wrong := range map[string]bool{
		`a`: false, `a{job="fountain"}`: false, `a{code="429"}`: false, `a{job=~"fountain|kong"}`: true,
		`b`: true, `a{service="x"}`: true, `a{job="kong"}`: true, `a_total`: true,
	} {
		q, err := parsePromQL(expr)
		if err != nil {
			t.Fatal(err)
		}
		if fault := all.check(q.selectors[0]); (fault != "") != wrong {
			t.Errorf("%s: got %q", expr, fault)
		}
	}
}

func TestDashboards(t *testing.T) {
	var sources struct {
		Datasources []struct{ UID, Type, URL string }
	}
	decodeYAML(t, "grafana/provisioning/datasources/fountain.yml", &sources)
	provisioned := map[string]bool{}
	for _, source := range sources.Datasources {
		provisioned[source.Type] = true
	}
	uids := map[string]bool{}
	for file, d := range dashboards(t) {
		if d.ID != nil || d.UID == "" || uids[d.UID] || d.SchemaVersion < 39 || d.Title == "" {
			t.Errorf("%s: id %v, uid %q, schema %d, title %q", file, d.ID, d.UID, d.SchemaVersion, d.Title)
		}
		uids[d.UID] = true
		if d.UID+".json" != file {
			t.Errorf("%s has uid %s", file, d.UID)
		}
		if !slices.ContainsFunc(d.Templating.List, func(v variable) bool { return v.Name == "service" }) {
			t.Errorf("%s has no variable service", file)
		}
		checkPanels(t, file, d, provisioned)
	}
}

func checkPanels(t *testing.T, file string, d dashboard, provisioned map[string]bool) {
	t.Helper()
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("%s: panel %d %q", file, p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if x >= 24 || taken[[2]int{x, y}] != "" {
					t.Fatalf("%s: panel %s lies over %s", file, p.Title, taken[[2]int{x, y}])
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("%s: panel %s shows nothing", file, p.Title)
		}
		for _, target := range p.Targets {
			if target.Datasource != p.Datasource || !provisioned[p.Datasource.Type] {
				t.Errorf("%s: panel %s asks %v", file, p.Title, target.Datasource)
			}
			d.substitute(t, target.Expr)
			d.substitute(t, target.Datasource.UID)
		}
	}
}

func TestAlertsExplainThemselves(t *testing.T) {
	names := map[string]bool{}
	for _, r := range rules(t) {
		name := r.Alert + r.Record
		if names[name] {
			t.Errorf("%s is there twice", name)
		}
		names[name] = true
		if r.Alert == "" {
			continue
		}
		for _, annotation := range []string{"summary", "description", "runbook"} {
			if r.Annotations[annotation] == "" {
				t.Errorf("%s has no %s", r.Alert, annotation)
			}
		}
		if !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) {
			t.Errorf("%s has severity %q", r.Alert, r.Labels["severity"])
		}
	}
}

// Every alert is made to fire in tests/, and every test says which ones do.
func TestAlertsAreTested(t *testing.T) {
	var text strings.Builder
	for _, file := range glob(t, "tests/*.yml") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(content)
	}
	for _, r := range rules(t) {
		if r.Alert != "" && !strings.Contains(text.String(), `alertname="`+r.Alert+`"`) {
			t.Errorf("no test expects %s", r.Alert)
		}
	}
}

// promtool runs Prometheus's own checker.
func promtool(t *testing.T, arguments ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed; it is in Debian's package prometheus: apt-get install prometheus")
	}
	output, err := exec.CommandContext(t.Context(), path, arguments...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
}

func TestPromtoolConfig(t *testing.T) { promtool(t, "check", "config", "prometheus.yml") }

func TestPromtoolRules(t *testing.T) {
	promtool(t, append([]string{"test", "rules"}, glob(t, "tests/*.yml")...)...)
}

// Prometheus's own parser reads the queries of the dashboards too, as rules.
func TestPromtoolDashboards(t *testing.T) {
	type recording struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var all []recording
	for place, expr := range expressions(t) {
		if !strings.HasPrefix(place, "rule ") {
			all = append(all, recording{fmt.Sprintf("query_%d", len(all)), expr})
		}
	}
	content, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboards", "rules": all}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboards.yml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}
