// Package route53test is a Route 53 for tests: an HTTP server that speaks the
// part of the REST API (version 2013-04-01) by which programs keep the records
// of a hosted zone, with Route 53's rules.
package route53test

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

const namespace = "https://route53.amazonaws.com/doc/2013-04-01/"

// Record is a resource record set, in the fields of the API.
type Record struct {
	XMLName     xml.Name `xml:"ResourceRecordSet"`
	Name        string
	Type        string
	TTL         int64   `xml:",omitempty"`
	Values      *Values `xml:"ResourceRecords,omitempty"`
	AliasTarget *Alias  `xml:",omitempty"`
}

// Values are what a record that is no alias holds.
type Values struct {
	Records []Value `xml:"ResourceRecord"`
}

// Value is one of them.
type Value struct{ Value string }

// Of returns the values of a record.
func Of(values ...string) *Values {
	var all Values
	for _, value := range values {
		all.Records = append(all.Records, Value{value})
	}
	return &all
}

// Alias is the target of a record that follows another name inside AWS.
type Alias struct {
	HostedZoneId         string
	DNSName              string
	EvaluateTargetHealth bool
}

// Call is a request that the server answered.
type Call struct {
	Action string   // as in an IAM policy, such as route53:ListHostedZones
	Zone   string   // the hosted zone, if the call names one
	Names  []string // of the records changed: lower case, without the final dot
	Types  []string // of the records changed
	Kinds  []string // CREATE, UPSERT, DELETE
}

// Server holds public hosted zones.
type Server struct {
	URL   string
	mu    sync.Mutex
	zones []*hostedZone
	calls []Call
}

type hostedZone struct {
	id, domain string
	records    map[string]Record
}

// NewServer starts a server on loopback that holds the hosted zone of the given
// identifier and domain, and stops it with the test.
func NewServer(t testing.TB, zone, domain string) *Server {
	t.Helper()
	server := &Server{}
	server.AddZone(zone, domain)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2013-04-01/hostedzone", server.listZones)
	mux.HandleFunc("GET /2013-04-01/hostedzone/{zone}/rrset", server.listRecords)
	mux.HandleFunc("POST /2013-04-01/hostedzone/{zone}/rrset", server.change)
	mux.HandleFunc("POST /2013-04-01/hostedzone/{zone}/rrset/{$}", server.change)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		server.note(Call{Action: "unknown " + r.Method + " " + r.URL.Path})
		refuse(w, http.StatusNotImplemented, "NotImplemented", "this test server does not know "+r.Method+" "+r.URL.Path)
	})
	started := httptest.NewServer(signed(mux))
	t.Cleanup(started.Close)
	server.URL = started.URL
	return server
}

// AddZone adds a hosted zone without records.
func (s *Server) AddZone(zone, domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zones = append(s.zones, &hostedZone{id: zone, domain: absolute(domain), records: map[string]Record{}})
}

// Put adds records to the first zone, as others who use it would.
func (s *Server) Put(records ...Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, record := range records {
		s.zones[0].records[key(record)] = normal(record)
	}
}

// Records returns all records of the first zone, in Route 53's order.
func (s *Server) Records() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.zones[0].sorted()
}

func (z *hostedZone) sorted() []Record {
	return slices.SortedFunc(maps.Values(z.records), func(a, b Record) int {
		return strings.Compare(place(a.Name, a.Type), place(b.Name, b.Type))
	})
}

// Calls returns what was asked since the last call of Calls.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// Environment is what makes a program that uses the AWS SDK talk to the server.
func (s *Server) Environment() []string {
	return []string{"AWS_ENDPOINT_URL_ROUTE_53=" + s.URL, "AWS_REGION=eu-central-1",
		"AWS_ACCESS_KEY_ID=AKIATEST", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true"}
}

func (s *Server) note(call Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

// signed refuses a request without a signature for Route 53.
func signed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "/route53/aws4_request") {
			refuse(w, http.StatusForbidden, "MissingAuthenticationToken", "the request is not signed for Route 53")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) listZones(w http.ResponseWriter, _ *http.Request) {
	s.note(Call{Action: "route53:ListHostedZones"})
	type config struct{ PrivateZone bool }
	type zone struct {
		Id, Name, CallerReference string
		Config                    config
	}
	s.mu.Lock()
	var zones []zone
	for _, each := range s.zones {
		zones = append(zones, zone{Id: "/hostedzone/" + each.id, Name: each.domain, CallerReference: "test"})
	}
	s.mu.Unlock()
	answer(w, struct {
		XMLName     xml.Name `xml:"ListHostedZonesResponse"`
		HostedZones []zone   `xml:"HostedZones>HostedZone"`
		IsTruncated bool
		MaxItems    int
	}{HostedZones: zones, MaxItems: 100})
}

// listRecords answers three records a page, so that paging is used.
func (s *Server) listRecords(w http.ResponseWriter, r *http.Request) {
	zone := s.find(w, r)
	if zone == nil {
		return
	}
	s.note(Call{Action: "route53:ListResourceRecordSets", Zone: zone.id})
	const page = 3
	s.mu.Lock()
	records := zone.sorted()
	s.mu.Unlock()
	query := r.URL.Query()
	from := place(query.Get("name"), query.Get("type"))
	records = slices.DeleteFunc(records, func(record Record) bool {
		return query.Has("name") && place(record.Name, record.Type) < from
	})
	type next struct {
		IsTruncated                    bool
		MaxItems                       int
		NextRecordName, NextRecordType string `xml:",omitempty"`
	}
	var more next
	more.MaxItems = page
	if len(records) > page {
		more.IsTruncated, more.NextRecordName, more.NextRecordType = true, records[page].Name, records[page].Type
		records = records[:page]
	}
	answer(w, struct {
		XMLName xml.Name `xml:"ListResourceRecordSetsResponse"`
		Records []Record `xml:"ResourceRecordSets>ResourceRecordSet"`
		next
	}{Records: records, next: more})
}

// find returns the zone of a request, or answers it and returns nil.
func (s *Server) find(w http.ResponseWriter, r *http.Request) *hostedZone {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, zone := range s.zones {
		if zone.id == r.PathValue("zone") {
			return zone
		}
	}
	refuse(w, http.StatusNotFound, "NoSuchHostedZone", "no hosted zone "+r.PathValue("zone"))
	return nil
}

type change struct {
	Action string
	Record Record `xml:"ResourceRecordSet"`
}

// change makes all changes of a batch or, if one is against the rules, none.
func (s *Server) change(w http.ResponseWriter, r *http.Request) {
	zone := s.find(w, r)
	if zone == nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	var request struct {
		Changes []change `xml:"ChangeBatch>Changes>Change"`
	}
	if err == nil {
		err = xml.Unmarshal(body, &request)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidInput", err.Error())
		return
	}
	call := Call{Action: "route53:ChangeResourceRecordSets", Zone: zone.id}
	for _, each := range request.Changes {
		call.Kinds = append(call.Kinds, each.Action)
		call.Types = append(call.Types, each.Record.Type)
		call.Names = append(call.Names, strings.ToLower(strings.TrimSuffix(each.Record.Name, ".")))
	}
	s.note(call)
	s.mu.Lock()
	after, err := zone.applied(request.Changes)
	if err == nil {
		zone.records = after
	}
	s.mu.Unlock()
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidChangeBatch", err.Error())
		return
	}
	answer(w, struct {
		XMLName    xml.Name `xml:"ChangeResourceRecordSetsResponse"`
		ChangeInfo struct{ Id, Status, SubmittedAt string }
	}{ChangeInfo: struct{ Id, Status, SubmittedAt string }{"/change/C1", "INSYNC", "2026-01-01T00:00:00Z"}})
}

// applied returns the records after the changes. The caller holds the server's mu.
func (z *hostedZone) applied(changes []change) (map[string]Record, error) {
	after := maps.Clone(z.records)
	if len(changes) == 0 {
		return nil, fmt.Errorf("a batch holds at least one change")
	}
	for _, each := range changes {
		record := normal(each.Record)
		name := key(record)
		present, exists := after[name]
		switch {
		case record.Name != z.domain && !strings.HasSuffix(record.Name, "."+z.domain):
			return nil, fmt.Errorf("RRSet with DNS name %s is not permitted in zone %s", record.Name, z.domain)
		case (record.AliasTarget == nil) == (record.Values == nil), (record.AliasTarget == nil) == (record.TTL == 0):
			return nil, fmt.Errorf("%s: want values and a TTL, or the target of an alias", name)
		case each.Action == "CREATE" && exists:
			return nil, fmt.Errorf("tried to create %s, which exists", name)
		case each.Action == "DELETE" && !exists:
			return nil, fmt.Errorf("tried to delete %s, which does not exist", name)
		case each.Action == "DELETE" && !reflect.DeepEqual(present, record):
			return nil, fmt.Errorf("tried to delete %s, but the values provided are not those of the record", name)
		case each.Action == "DELETE":
			delete(after, name)
		case each.Action == "CREATE", each.Action == "UPSERT":
			after[name] = record
		default:
			return nil, fmt.Errorf("unknown action %q", each.Action)
		}
	}
	return after, alone(after)
}

// alone reports a CNAME that has another record beside it.
func alone(records map[string]Record) error {
	count := map[string]int{}
	for _, record := range records {
		count[record.Name]++
	}
	for _, record := range records {
		if record.Type == "CNAME" && count[record.Name] > 1 {
			return fmt.Errorf("%s has a CNAME, beside which there can be no other record", record.Name)
		}
	}
	return nil
}

// normal returns a record as Route 53 keeps it: names in lower case and absolute.
func normal(record Record) Record {
	record.XMLName = xml.Name{}
	record.Name = absolute(record.Name)
	if record.AliasTarget != nil {
		target := *record.AliasTarget
		target.DNSName = absolute(target.DNSName)
		record.AliasTarget = &target
	}
	return record
}

func absolute(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, ".")) + "."
}

// key tells records apart.
func key(record Record) string {
	return absolute(record.Name) + " " + record.Type
}

// place orders records as Route 53 does: by the labels of the name from the last
// to the first, with a final dot, and then by type.
func place(name, kind string) string {
	labels := strings.Split(strings.TrimSuffix(absolute(name), "."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + ". " + kind
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "text/xml")
	content, err := xml.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	text := strings.Replace(string(content), ">", ` xmlns="`+namespace+`">`, 1)
	fmt.Fprint(w, xml.Header, text)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(message))
	fmt.Fprintf(w, `%s<ErrorResponse xmlns="%s"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`,
		xml.Header, namespace, code, escaped.String())
}
