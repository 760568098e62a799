// Medians and spreads.
package main

import (
	"fmt"
	"math"
	"slices"
)

// spread is the least, the middle and the most of several measurements.
type spread struct {
	Least  float64 `json:"least"`
	Median float64 `json:"median"`
	Most   float64 `json:"most"`
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	middle := sorted[len(sorted)/2]
	if len(sorted)%2 == 0 {
		middle = (middle + sorted[len(sorted)/2-1]) / 2
	}
	return spread{sorted[0], middle, sorted[len(sorted)-1]}
}

// ratioOf divides pair by pair.
func ratioOf(ours, theirs []float64) spread {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	return spreadOf(ratios)
}

// String shows the spread as "median (least–most)", or the median alone where
// there is none.
func (s spread) String() string {
	if s.Least == s.Most {
		return short(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", short(s.Median), short(s.Least), short(s.Most))
}

func short(value float64) string {
	switch {
	case value >= 100:
		return fmt.Sprintf("%.0f", math.Round(value))
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.2f", value)
}
