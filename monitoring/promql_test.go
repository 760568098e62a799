// Reading PromQL just far enough to know which series it asks for.
package monitoring

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// query is what a PromQL expression asks for.
type query struct {
	selectors []selector
	// grouping are the labels of by, on, group_left and the like.
	grouping []string
}

type selector struct {
	metric   string
	matchers []matcher
}

type matcher struct{ label, operator, value string }

var (
	promToken = regexp.MustCompile(`^(?:` + strings.Join([]string{
		`\s+|#[^\n]*`, // 0: nothing
		"\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`", // strings
		`\[[^\]]*\]`,                          // ranges
		`[0-9.][0-9a-zA-Z.]*`,                 // numbers, durations
		`[a-zA-Z_:][a-zA-Z0-9_:]*`,            // names
		`=~|!~|!=|==|>=|<=|[-+*/%^<>=(){},@]`, // the rest
	}, "|") + `)`)
	promName = regexp.MustCompile(`^[a-zA-Z_:]`)

	promGroupings = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
	promWords     = []string{"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"}
)

// promTokens cuts an expression into tokens, without white space and ranges.
func promTokens(expr string) ([]string, error) {
	var tokens []string
	for expr != "" {
		token := promToken.FindString(expr)
		if token == "" {
			return nil, fmt.Errorf("unreadable from here on: %s", expr)
		}
		expr = expr[len(token):]
		if !strings.ContainsAny(token[:1], " \t\n\r#[") {
			tokens = append(tokens, token)
		}
	}
	return tokens, nil
}

// promReader walks over tokens.
type promReader struct {
	tokens []string
	query  query
}

func parsePromQL(expr string) (query, error) {
	tokens, err := promTokens(expr)
	if err != nil {
		return query{}, fmt.Errorf("%s: %w", expr, err)
	}
	r := &promReader{tokens: tokens}
	for len(r.tokens) > 0 && err == nil {
		err = r.step()
	}
	if err != nil {
		return query{}, fmt.Errorf("%s: %w", expr, err)
	}
	return r.query, nil
}

func (r *promReader) peek() string {
	if len(r.tokens) == 0 {
		return ""
	}
	return r.tokens[0]
}

func (r *promReader) next() string {
	token := r.peek()
	if len(r.tokens) > 0 {
		r.tokens = r.tokens[1:]
	}
	return token
}

func (r *promReader) step() error {
	token := r.next()
	word := strings.ToLower(token)
	switch {
	case token == "{":
		return r.selector("")
	case !promName.MatchString(token), slices.Contains(promWords, word):
		return nil
	case slices.Contains(promGroupings, word):
		if r.peek() == "(" {
			return r.labels()
		}
		return nil
	case r.peek() == "(", slices.Contains(promGroupings[:2], strings.ToLower(r.peek())):
		return nil // a function, or an aggregation as in sum by (x) (y)
	case r.peek() == "{":
		r.next()
		return r.selector(token)
	}
	r.query.selectors = append(r.query.selectors, selector{metric: token})
	return nil
}

// labels reads a list of labels in parentheses.
func (r *promReader) labels() error {
	r.next()
	for {
		switch token := r.next(); {
		case token == ")":
			return nil
		case token == ",":
		case promName.MatchString(token):
			r.query.grouping = append(r.query.grouping, token)
		default:
			return fmt.Errorf("%q among labels", token)
		}
	}
}

// selector reads what follows the opening brace.
func (r *promReader) selector(metric string) error {
	s := selector{metric: metric}
	for r.peek() != "}" {
		label, operator, value := r.next(), r.next(), r.next()
		if !promName.MatchString(label) || !slices.Contains([]string{"=", "!=", "=~", "!~"}, operator) || len(value) < 2 {
			return fmt.Errorf("bad matcher %s %s %s", label, operator, value)
		}
		m := matcher{label, operator, value[1 : len(value)-1]}
		if label == "__name__" {
			s.metric = m.value
		} else {
			s.matchers = append(s.matchers, m)
		}
		if r.peek() == "," {
			r.next()
		}
	}
	r.next()
	if s.metric == "" {
		return fmt.Errorf("a selector without a metric")
	}
	r.query.selectors = append(r.query.selectors, s)
	return nil
}

func TestParsePromQL(t *testing.T) {
	for expr, want := range map[string]string{
		`up`:                          `[{up []}] []`,
		`up == bool 0 or absent(up2)`: `[{up []} {up2 []}] []`,
		`sum by (service, le) (rate(a_bucket{service=~"x,y|{}",status!='5'}[5m])) / 1e3`: "[{a_bucket [{service =~ x,y|{}} {status != 5}]}] [service le]",
		`sum(rate(a[5m:1m] offset 5m)) without (code)`:                                   `[{a []}] [code]`,
		`a{} * on(x) group_left(y) b > 0x1F # c{d="e"}`:                                  `[{a []} {b []}] [x y]`,
		`{__name__="a",b="c"}`:                                `[{a [{b = c}]}] []`,
		"topk(10, histogram_quantile(0.99, job:a:p99 > Inf))": `[{job:a:p99 []}] []`,
		"count(a{b=`\\d`,}) + time() - -1.5":                  `[{a [{b = \d}]}] []`,
		`SUM(a) BY (b) AND NaN`:                               `[{a []}] [b]`,
		`a @ 1609746000 unless ignoring(z) b`:                 `[{a []} {b []}] [z]`,
		`max by () (sum without (x) (by_a))`:                  `[{by_a []}] [x]`,
	} {
		got, err := parsePromQL(expr)
		if err != nil {
			t.Error(err)
		} else if text := fmt.Sprint(got.selectors, got.grouping); text != want {
			t.Errorf("%s: got %s; want %s", expr, text, want)
		}
	}
	for _, expr := range []string{`a{b}`, `a{b="c"`, `a{b="c}`, `{b="c"}`, `a ? b`, `sum by (a`, `sum by (1) (a)`, `a[5m`} {
		if got, err := parsePromQL(expr); err == nil {
			t.Errorf("%s: got %v; want an error", expr, got)
		}
	}
}
