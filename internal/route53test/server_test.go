// The rules of Route 53 on which tests of others rely.
package route53test

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

const signature = "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/route53/aws4_request, SignedHeaders=host, Signature=0"

func ask(t *testing.T, method, address, authorization, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func batch(changes ...string) string {
	return fmt.Sprintf(`<ChangeResourceRecordSetsRequest xmlns="%s"><ChangeBatch><Changes>%s</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`,
		namespace, strings.Join(changes, ""))
}

func changed(action, name, kind, value string) string {
	return fmt.Sprintf(`<Change><Action>%s</Action><ResourceRecordSet><Name>%s</Name><Type>%s</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>%s</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>`,
		action, name, kind, value)
}

func TestBatches(t *testing.T) {
	www := Record{Name: "www.example.org.", Type: "A", TTL: 300, Values: Of("192.0.2.1")}
	api := Record{Name: "api.example.org.", Type: "A", TTL: 300, Values: Of("192.0.2.2")}
	create := changed("CREATE", "API.example.org", "A", "192.0.2.2")
	for name, test := range map[string]struct {
		changes []string
		after   []Record
		refusal string
	}{
		"create":                     {[]string{create}, []Record{api, www}, ""},
		"create further below":       {[]string{changed("CREATE", "api.story.example.org", "A", "192.0.2.2")}, []Record{{Name: "api.story.example.org.", Type: "A", TTL: 300, Values: Of("192.0.2.2")}, www}, ""},
		"upsert":                     {[]string{changed("UPSERT", "www.example.org", "A", "192.0.2.1"), create}, []Record{api, www}, ""},
		"delete":                     {[]string{changed("DELETE", "www.example.org", "A", "192.0.2.1")}, nil, ""},
		"nothing":                    {nil, []Record{www}, "at least one"},
		"create what exists":         {[]string{create, changed("CREATE", "www.example.org", "A", "192.0.2.3")}, []Record{www}, "exists"},
		"create twice":               {[]string{create, create}, []Record{www}, "exists"},
		"delete what does not exist": {[]string{create, changed("DELETE", "www.example.org", "AAAA", "2001:db8::1")}, []Record{www}, "does not exist"},
		"delete with another value":  {[]string{changed("DELETE", "www.example.org", "A", "192.0.2.3")}, []Record{www}, "values"},
		"another domain":             {[]string{create, changed("CREATE", "www.badexample.org", "A", "192.0.2.1")}, []Record{www}, "not permitted"},
		"a CNAME beside a record":    {[]string{create, changed("CREATE", "www.example.org", "CNAME", "example.net")}, []Record{www}, "CNAME"},
		"an unknown action":          {[]string{create, changed("REPLACE", "www.example.org", "A", "192.0.2.3")}, []Record{www}, "REPLACE"},
		"without values":             {[]string{`<Change><Action>CREATE</Action><ResourceRecordSet><Name>api.example.org</Name><Type>A</Type></ResourceRecordSet></Change>`}, []Record{www}, "want values"},
	} {
		t.Run(name, func(t *testing.T) {
			server := NewServer(t, "Z1", "example.org")
			server.AddZone("Z2", "example.org")
			server.Put(www)
			status, answer := ask(t, "POST", server.URL+"/2013-04-01/hostedzone/Z1/rrset/", signature, batch(test.changes...))
			if refused := status == http.StatusBadRequest && strings.Contains(answer, "InvalidChangeBatch"); refused != (test.refusal != "") || !strings.Contains(answer, test.refusal) {
				t.Errorf("%d %s, want %q", status, answer, test.refusal)
			}
			if got := server.Records(); !reflect.DeepEqual(got, test.after) {
				t.Errorf("records %+v, want %+v", got, test.after)
			}
			if other := server.zones[1].records; len(other) > 0 {
				t.Errorf("the other zone has %v", other)
			}
			if calls := server.Calls(); len(calls) != 1 || calls[0].Zone != "Z1" || len(calls[0].Kinds) != len(test.changes) {
				t.Errorf("calls %+v", calls)
			}
		})
	}
}

func TestPages(t *testing.T) {
	server := NewServer(t, "Z1", "example.org")
	for i := range 7 {
		server.Put(Record{Name: fmt.Sprintf("host%d.%sexample.org", i, strings.Repeat("below.", i%3)), Type: "A", TTL: 300, Values: Of("192.0.2.1")})
	}
	var all []Record
	query, pages := url.Values{}, 0
	for more := true; more; pages++ {
		status, content := ask(t, "GET", server.URL+"/2013-04-01/hostedzone/Z1/rrset?"+query.Encode(), signature, "")
		var page struct {
			Records                        []Record `xml:"ResourceRecordSets>ResourceRecordSet"`
			IsTruncated                    bool
			NextRecordName, NextRecordType string
		}
		if err := xml.Unmarshal([]byte(content), &page); err != nil || status != http.StatusOK {
			t.Fatalf("%d %v: %s", status, err, content)
		}
		for _, record := range page.Records {
			all = append(all, normal(record))
		}
		query = url.Values{"name": {page.NextRecordName}, "type": {page.NextRecordType}}
		more = page.IsTruncated
	}
	if want := server.Records(); pages != 3 || !reflect.DeepEqual(all, want) {
		t.Errorf("%d pages with %v, want 3 with %v", pages, all, want)
	}
}

// TestOrder: what is below a name follows it at once.
func TestOrder(t *testing.T) {
	want := []string{"example.org. A", "example.org. TXT", "story-b.example.org. A", "story.example.org. A", "a.story.example.org. A", "b.a.story.example.org. A", "z.story.example.org. A", "www.example.org. A"}
	server := NewServer(t, "Z1", "example.org")
	for _, each := range []int{3, 7, 0, 5, 2, 6, 1, 4} {
		name, kind, _ := strings.Cut(want[each], " ")
		server.Put(Record{Name: name, Type: kind, TTL: 300, Values: Of("192.0.2.1")})
	}
	var got []string
	for _, record := range server.Records() {
		got = append(got, record.Name+" "+record.Type)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("records in the order %v, want %v", got, want)
	}
}

func TestRefusals(t *testing.T) {
	server := NewServer(t, "Z1", "example.org")
	for _, test := range []struct {
		method, path, authorization, want string
		status                            int
	}{
		{"GET", "/2013-04-01/hostedzone", "", "MissingAuthenticationToken", 403},
		{"GET", "/2013-04-01/hostedzone", strings.Replace(signature, "/route53/", "/s3/", 1), "MissingAuthenticationToken", 403},
		{"GET", "/2013-04-01/hostedzone/Z9/rrset", signature, "NoSuchHostedZone", 404},
		{"POST", "/2013-04-01/hostedzone/Z9/rrset/", signature, "NoSuchHostedZone", 404},
		{"POST", "/2013-04-01/hostedzone/Z1/rrset/", signature, "InvalidInput", 400},
		{"POST", "/2013-04-01/hostedzone", signature, "NotImplemented", 501},
	} {
		status, answer := ask(t, test.method, server.URL+test.path, test.authorization, "<")
		if status != test.status || !strings.Contains(answer, "<Code>"+test.want+"</Code>") {
			t.Errorf("%s %s: %d %s, want %d %s", test.method, test.path, status, answer, test.status, test.want)
		}
	}
}
