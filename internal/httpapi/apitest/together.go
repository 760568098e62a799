// Many clients at once.
package apitest

import "sync"

// Together calls run n times at once, each in a goroutine of its own with its
// number from 0 on, and returns what they return, in order of number.
func Together[T any](n int, run func(i int) T) []T {
	results := make([]T, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			results[i] = run(i)
		})
	}
	close(start)
	all.Wait()
	return results
}
