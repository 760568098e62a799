// Bars with their spreads, and the aims.
package main

import (
	"errors"
	"image/color"
	"math"
	"os"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

var (
	plain    = color.NRGBA{0x6b, 0x8f, 0xb5, 0xff}
	met      = color.NRGBA{0x4f, 0x9d, 0x69, 0xff}
	missed   = color.NRGBA{0xd0, 0x8c, 0x3f, 0xff}
	ink      = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	aimInk   = color.NRGBA{0xb0, 0x21, 0x2b, 0xff}
	evenInk  = color.NRGBA{0x99, 0x99, 0x99, 0xff}
	barWidth = vg.Points(14)
)

// plot draws the section's ratios, one bar a comparison, first on top.
func (s section) plot(path string) error {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.Title.Text, p.X.Label.Text = s.Title, s.Axis
	p.Title.TextStyle.Font.Size, p.Title.TextStyle.Font.Weight = vg.Points(14), xfont.WeightBold
	p.Title.Padding, p.X.Label.Padding = vg.Points(8), vg.Points(5)
	p.Y.Min, p.Y.Max = -0.6, float64(len(s.Comparisons))-0.4
	p.X.Min, p.X.Max = s.limits()
	if s.Logarithmic {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	p.Add(bars(s))
	var names []plot.Tick
	for i, c := range s.Comparisons {
		names = append(names, plot.Tick{Value: s.place(i), Label: c.What})
	}
	p.Y.Tick.Marker = plot.ConstantTicks(names)
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	return save(p, vg.Points(660), vg.Points(90+30*float64(len(s.Comparisons))), path)
}

// save writes p as a PNG, with a margin around it.
func save(p *plot.Plot, width, height vg.Length, path string) error {
	const margin = 10
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(120), vgimg.UseBackgroundColor(color.White))
	p.Draw(draw.Crop(draw.New(canvas), margin, -margin, margin, -margin))
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = vgimg.PngCanvas{Canvas: canvas}.WriteTo(file)
	return errors.Join(err, file.Close())
}

// place is where the bar of comparison i is.
func (s section) place(i int) float64 { return float64(len(s.Comparisons) - 1 - i) }

// limits returns the ends of the axis, with room for the figures.
func (s section) limits() (from, to float64) {
	from, to = 1, 1
	for _, c := range s.Comparisons {
		from, to = min(from, c.Ratio.Least), max(to, c.Ratio.Most)
		if c.aimsAtRatio() {
			from, to = min(from, c.Aim.bound()), max(to, c.Aim.bound())
		}
	}
	if !s.Logarithmic {
		return 0, to * 1.35
	}
	from /= 1.3
	return from, to * math.Pow(to/from, 0.35)
}

// bars draws the bars of a section.
type bars section

var _ plot.Plotter = bars{}

// Plot implements plot.Plotter.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	s := section(b)
	even := draw.LineStyle{Color: evenInk, Width: vg.Points(0.75)}
	c.StrokeLine2(even, x(1), c.Min.Y, x(1), c.Max.Y)
	from := p.X.Min
	if s.Logarithmic {
		from = 1 // there is no 0; bars lead from "the same" to more or to less
	}
	for i, comparison := range s.Comparisons {
		drawBar(c, x, y(s.place(i)), from, comparison)
	}
}

func drawBar(c draw.Canvas, x func(float64) vg.Length, middle vg.Length, from float64, comparison comparison) {
	fill := plain
	switch comparison.verdict() {
	case "met":
		fill = met
	case "missed":
		fill = missed
	}
	r, half := comparison.Ratio, barWidth/2
	c.FillPolygon(fill, []vg.Point{
		{X: x(from), Y: middle - half}, {X: x(r.Median), Y: middle - half},
		{X: x(r.Median), Y: middle + half}, {X: x(from), Y: middle + half},
	})
	whisker := draw.LineStyle{Color: ink, Width: vg.Points(1)}
	c.StrokeLine2(whisker, x(r.Least), middle, x(r.Most), middle)
	for _, end := range []float64{r.Least, r.Most} {
		c.StrokeLine2(whisker, x(end), middle-half/2, x(end), middle+half/2)
	}
	right := x(max(r.Most, from))
	if a := comparison.Aim; comparison.aimsAtRatio() {
		dashes := draw.LineStyle{Color: aimInk, Width: vg.Points(1.5), Dashes: []vg.Length{vg.Points(3), vg.Points(2)}}
		c.StrokeLine2(dashes, x(a.bound()), middle-half-vg.Points(4), x(a.bound()), middle+half+vg.Points(4))
		right = max(right, x(a.bound()))
	}
	label := short(r.Median)
	if comparison.Aim != nil {
		label += "  (aim " + comparison.Aim.String() + ")"
	}
	c.FillText(labelStyle(), vg.Point{X: right + vg.Points(5), Y: middle + vg.Points(1)}, label)
}

func labelStyle() text.Style {
	return text.Style{Color: ink, Font: font.From(plot.DefaultFont, vg.Points(10)), YAlign: text.YCenter, Handler: plot.DefaultTextHandler}
}
