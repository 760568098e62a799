// Where builds the condition of a list query from the filters a request gives.
package storage

import (
	"strconv"
	"strings"
)

// Where is a conjunction of conditions with their arguments. The texts it makes
// are few, since every text stays prepared on each connection.
type Where struct {
	conditions []string
	arguments  []any
}

// And adds a condition in which each ? stands for the next argument.
func (w *Where) And(condition string, arguments ...any) {
	var text strings.Builder
	for _, c := range condition {
		if c == '?' {
			w.arguments = append(w.arguments, arguments[0])
			arguments = arguments[1:]
			text.WriteString("$" + strconv.Itoa(len(w.arguments)))
			continue
		}
		text.WriteRune(c)
	}
	w.conditions = append(w.conditions, text.String())
}

// Equal adds column = *value unless value is nil.
func (w *Where) Equal(column string, value *int64) {
	if value != nil {
		w.And(column+" = ?", *value)
	}
}

// In adds the condition that column is one of *values, unless values is nil.
// The list is filled up to a power of two with its last value, so that a
// thousand different lengths make eleven different texts.
func (w *Where) In(column string, values *[]int64) {
	if values == nil || len(*values) == 0 {
		return
	}
	length := 1
	for length < len(*values) {
		length *= 2
	}
	arguments := make([]any, length)
	for i := range arguments {
		arguments[i] = (*values)[min(i, len(*values)-1)]
	}
	w.And(column+" IN (?"+strings.Repeat(", ?", length-1)+")", arguments...)
}

// Clause returns the WHERE clause, "" without conditions, and the arguments.
// A caller's own arguments follow those.
func (w *Where) Clause() (string, []any) {
	if len(w.conditions) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(w.conditions, " AND "), w.arguments
}

// Page returns what follows the table name in a keyset page query: the items
// after key in order of column, one more than limit so that the caller sees
// whether more follow.
func (w *Where) Page(column string, after int64, limit int) (string, []any) {
	w.And(column+" > ?", after)
	clause, arguments := w.Clause()
	arguments = append(arguments, limit+1)
	return clause + " ORDER BY " + column + " LIMIT $" + strconv.Itoa(len(arguments)), arguments
}
