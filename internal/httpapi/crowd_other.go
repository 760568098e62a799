//go:build !unix

package httpapi

func connectionLimit() int { return unknownLimit }
