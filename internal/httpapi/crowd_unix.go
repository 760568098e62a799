//go:build unix

package httpapi

import "golang.org/x/sys/unix"

// connectionLimit leaves half of the process's descriptors to databases and to
// what requests need beside their own connection, such as one to a service.
func connectionLimit() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return unknownLimit
	}
	return max(int(min(limit.Cur, 1<<30))/2, fewest)
}
