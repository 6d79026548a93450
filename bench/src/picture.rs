//! Pictures for RESULTS.md: SVG, whose text is set by whoever shows it.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::failure::Failure;
use crate::measure::Series;

const WIDTH: u32 = 860;
const HEIGHT: u32 = 420;
const FONT: &str = "sans-serif";
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x0b, 0x5c, 0xad),
    RGBColor(0x39, 0x9b, 0xe0),
    RGBColor(0x8c, 0xc8, 0xf0),
    RGBColor(0xd1, 0x49, 0x2e),
    RGBColor(0x8a, 0x8a, 0x8a),
    RGBColor(0x2f, 0x8f, 0x4e),
];

type Drawn = Result<(), Box<dyn Error + Send + Sync>>;

/// Commands a second by clients, a line a system, on a logarithmic scale: equal distances are equal ratios.
pub(crate) fn lines(title: &str, series: &[Series]) -> Result<String, Failure> {
    draw(|area| {
        let mut loads: Vec<usize> = series.iter().map(|series| series.clients).collect();
        loads.sort_unstable();
        loads.dedup();
        let rates = || series.iter().map(|series| series.median().per_second.max(1.0));
        let (least, most) = (rates().fold(f64::MAX, f64::min), rates().fold(1.0, f64::max));
        let x_range = -0.2..loads.len() as f64 - 0.8;
        let mut chart = ChartBuilder::on(area)
            .caption(title, (FONT, 20))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(80)
            .build_cartesian_2d(x_range, (least * 0.7..most * 1.5).log_scale())?;
        let load = |x: &f64| {
            let index = x.round();
            if (x - index).abs() > 0.01 || index < 0.0 { String::new() } else { label(&loads, index as usize) }
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(loads.len() * 5)
            .x_label_formatter(&load)
            .y_label_formatter(&|rate| crate::report::grouped(*rate))
            .x_desc("clients")
            .y_desc("commands/s")
            .label_style((FONT, 13))
            .draw()?;
        // In the order of the table: the series of a system stand together.
        let mut systems: Vec<&str> = series.iter().map(|series| series.system).collect();
        systems.dedup();
        for (system, colour) in systems.iter().zip(COLOURS.iter().cycle()) {
            let of_it = series.iter().filter(|series| series.system == *system);
            let points: Vec<(f64, f64)> = of_it
                .filter_map(|series| {
                    let x = loads.iter().position(|load| *load == series.clients)?;
                    Some((x as f64, series.median().per_second.max(1.0)))
                })
                .collect();
            let colour = *colour;
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
                .label(*system)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
            chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(RGBColor(0xcc, 0xcc, 0xcc))
            .label_font((FONT, 13))
            .draw()?;
        Ok(())
    })
}

fn label(loads: &[usize], index: usize) -> String {
    loads.get(index).map_or_else(String::new, usize::to_string)
}

/// A bar a figure.
pub(crate) fn bars(title: &str, unit: &str, bars: &[(String, f64)]) -> Result<String, Failure> {
    draw(|area| {
        let most = bars.iter().map(|(_, value)| *value).fold(1e-9, f64::max);
        let mut chart = ChartBuilder::on(area)
            .caption(title, (FONT, 20))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(80)
            .build_cartesian_2d(-0.5..bars.len() as f64 - 0.5, 0.0..most * 1.15)?;
        let name = |x: &f64| {
            let index = x.round();
            let bar = if (x - index).abs() > 0.01 || index < 0.0 { None } else { bars.get(index as usize) };
            bar.map_or_else(String::new, |(name, _)| name.clone())
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(bars.len() * 2 + 1)
            .x_label_formatter(&name)
            .y_label_formatter(&|value| figure(*value, most))
            .y_desc(unit)
            .label_style((FONT, 13))
            .draw()?;
        for (index, (_, value)) in bars.iter().enumerate() {
            let (x, colour) = (index as f64, COLOURS[0]);
            chart.draw_series([Rectangle::new([(x - 0.3, 0.0), (x + 0.3, *value)], colour.filled())])?;
            let text = Text::new(figure(*value, most), (x - 0.12, value + most * 0.06), (FONT, 13));
            chart.draw_series([text])?;
        }
        Ok(())
    })
}

fn figure(value: f64, most: f64) -> String {
    if most < 20.0 { format!("{value:.2}") } else { crate::report::grouped(value) }
}

fn draw(paint: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Drawn) -> Result<String, Failure> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
    let drawn = (|| {
        area.fill(&WHITE)?;
        paint(&area)?;
        area.present()?;
        Ok(())
    })();
    drop(area);
    drawn.map_err(Failure::Picture)?;
    Ok(svg)
}
