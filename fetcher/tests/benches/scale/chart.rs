//! Draw a chart as SVG: panels side by side, both axes logarithmic.

use std::fmt::Write as _;

/// Width and height of a panel's plot; margins come on top.
const PLOT: (f64, f64) = (380.0, 300.0);
const MARGIN: Margin = Margin { left: 72.0, right: 24.0, top: 64.0, bottom: 60.0 };

struct Margin {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// One plot with a title and named axes.
pub(crate) struct Panel<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: Axis<'a>,
    pub(crate) y: Axis<'a>,
    pub(crate) lines: Vec<Line<'a>>,
}

/// An axis between two powers of ten.
pub(crate) struct Axis<'a> {
    pub(crate) name: &'a str,
    pub(crate) decades: (i32, i32),
}

/// Points in order of x.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) colour: &'a str,
    /// Calculated, not measured.
    pub(crate) dashed: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Axis<'_> {
    /// Position of a value on the axis, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let (first, last) = self.decades;
        (value.log10() - f64::from(first)) / f64::from(last - first)
    }

    fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        (self.decades.0..=self.decades.1).map(|decade| {
            let value = 10_f64.powi(decade);
            (value, if value < 1.0 { format!("{value}") } else { grouped(value as u64) })
        })
    }

    /// The values at 2 to 9 times each power of ten.
    fn minor(&self) -> impl Iterator<Item = f64> {
        (self.decades.0..self.decades.1)
            .flat_map(|decade| (2..10).map(move |n| f64::from(n) * 10_f64.powi(decade)))
    }
}

/// The whole picture.
pub(crate) fn draw(panels: &[Panel<'_>]) -> String {
    let (width, height) =
        (MARGIN.left + PLOT.0 + MARGIN.right, MARGIN.top + PLOT.1 + MARGIN.bottom);
    let all = width * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"{height}\" viewBox=\"0 0 {all} {height}\" \
         font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"{all}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        let left = MARGIN.left + at as f64 * width;
        // Writing to a String cannot fail.
        writeln!(svg, "<g transform=\"translate({left},{})\">", MARGIN.top).ok();
        panel.draw(&mut svg);
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

impl Panel<'_> {
    fn draw(&self, svg: &mut String) {
        let (width, height) = PLOT;
        text(
            svg,
            (width / 2.0, -36.0),
            "middle",
            "font-size=\"14\" font-weight=\"bold\"",
            self.title,
        );
        for x in self.x.minor() {
            rule(svg, (self.at_x(x), 0.0), (self.at_x(x), height), "#f0f0f0");
        }
        for y in self.y.minor() {
            rule(svg, (0.0, self.at_y(y)), (width, self.at_y(y)), "#f0f0f0");
        }
        for (value, label) in self.x.ticks() {
            rule(svg, (self.at_x(value), 0.0), (self.at_x(value), height + 5.0), "#c8c8c8");
            text(svg, (self.at_x(value), height + 20.0), "middle", "", &label);
        }
        for (value, label) in self.y.ticks() {
            rule(svg, (-5.0, self.at_y(value)), (width, self.at_y(value)), "#c8c8c8");
            text(svg, (-9.0, self.at_y(value) + 4.0), "end", "", &label);
        }
        writeln!(
            svg,
            "<rect width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#666\"/>"
        )
        .ok();
        text(svg, (width / 2.0, height + 44.0), "middle", "", self.x.name);
        let turned = format!("transform=\"rotate(-90 -52 {})\"", height / 2.0);
        text(svg, (-52.0, height / 2.0), "middle", &turned, self.y.name);
        for line in &self.lines {
            self.line(svg, line);
        }
        self.legend(svg);
    }

    fn line(&self, svg: &mut String, line: &Line<'_>) {
        let place = |(x, y): &(f64, f64)| (self.at_x(*x), self.at_y(*y));
        let points: Vec<_> = line.points.iter().map(place).collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let (path, colour, dash) = (path.join(" "), line.colour, dash(line));
        writeln!(svg, "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>").ok();
        if !line.dashed {
            for (x, y) in points {
                writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>")
                    .ok();
            }
        }
    }

    /// In the upper left, where no lines are.
    fn legend(&self, svg: &mut String) {
        let height = 18.0 * self.lines.len() as f64 + 8.0;
        writeln!(svg, "<rect x=\"8\" y=\"8\" width=\"218\" height=\"{height}\" fill=\"white\" stroke=\"#c8c8c8\"/>")
            .ok();
        for (at, line) in self.lines.iter().enumerate() {
            let y = 21.0 + 18.0 * at as f64;
            let (colour, dash) = (line.colour, dash(line));
            writeln!(
                svg,
                "<line x1=\"16\" x2=\"44\" y1=\"{y}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>"
            )
            .ok();
            text(svg, (52.0, y + 4.0), "start", "", line.name);
        }
    }

    fn at_x(&self, value: f64) -> f64 {
        self.x.place(value) * PLOT.0
    }

    fn at_y(&self, value: f64) -> f64 {
        (1.0 - self.y.place(value)) * PLOT.1
    }
}

fn dash(line: &Line<'_>) -> &'static str {
    if line.dashed { " stroke-dasharray=\"5 4\"" } else { "" }
}

fn rule(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
    )
    .ok();
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, more: &str, label: &str) {
    let (x, y) = at;
    writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {more}>{label}</text>")
        .ok();
}

/// A number with grouped digits, such as `10 000`.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}
