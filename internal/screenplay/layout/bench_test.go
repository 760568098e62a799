package layout

import (
	"io"
	"testing"
)

// The scripts of these benchmarks have about 3,000 elements, as a long feature
// film has.
const featureLength = 31

func BenchmarkPages(b *testing.B) {
	s := play(b, featureLength)
	b.ReportAllocs()
	for b.Loop() {
		Pages(s, Options{})
	}
}

func BenchmarkPDF(b *testing.B) {
	s := play(b, featureLength)
	b.ReportAllocs()
	for b.Loop() {
		if err := PDF(io.Discard, s, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHTML(b *testing.B) {
	s := play(b, featureLength)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := HTML(s); err != nil {
			b.Fatal(err)
		}
	}
}
