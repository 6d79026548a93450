//! What a work has found, as a table on the terminal and as its part of RESULTS.md. A run replaces the parts that it
//! measured and leaves the others, each of which says when and where it was measured.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::failure::Failure;
use crate::machine::Machine;
use crate::measure::Series;

const INTRO: &str = "# Measured\n\n\
    Daybook against what one would pick instead: the same work, one system after the other on one Postgres, the same pool, \
    in turn within each round, medians over the rounds, ratios taken within a round. `make bench` writes this page; \
    `make bench-growth` adds the book of 10 million events.\n";
const AIMS: &str = "Aims";
const MACHINE: &str = "Machine and settings";

/// One work, measured.
pub(crate) struct Section {
    /// As the command line has it.
    pub(crate) work: &'static str,
    pub(crate) title: &'static str,
    /// What was done, and what to know when reading the figures.
    pub(crate) about: String,
    pub(crate) heads: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) picture: Option<String>,
    pub(crate) aims: Vec<Aim>,
}

/// What is to be reached.
pub(crate) struct Aim {
    pub(crate) what: String,
    pub(crate) wanted: f64,
    pub(crate) found: f64,
    pub(crate) unit: Unit,
    /// What the figure hangs on, and what was tried: said where it is not reached.
    pub(crate) if_missed: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Times,
    PerSecond,
    /// Of these the less the better.
    AtMostMilliseconds,
}

impl Aim {
    fn is_reached(&self) -> bool {
        match self.unit {
            Unit::Times | Unit::PerSecond => self.found >= self.wanted,
            Unit::AtMostMilliseconds => self.found <= self.wanted,
        }
    }

    fn row(&self, work: &str) -> String {
        let shown = |value: f64| match self.unit {
            Unit::Times => format!("{value:.2} times"),
            Unit::PerSecond => format!("{}/s", grouped(value)),
            Unit::AtMostMilliseconds => format!("{value:.2} ms"),
        };
        let (reached, why) = if self.is_reached() { ("reached", "") } else { ("**not reached**", self.if_missed) };
        let (wanted, found, ratio) = (shown(self.wanted), shown(self.found), self.found / self.wanted);
        let wanted = if matches!(self.unit, Unit::AtMostMilliseconds) { format!("at most {wanted}") } else { wanted };
        format!("| {work} | {} | {wanted} | {found} | {ratio:.2} | {reached} | {why} |", self.what)
    }
}

impl Section {
    /// Rates and latencies of every series, the usual table.
    pub(crate) fn rates(series: &[Series]) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let rows = series.iter().map(|series| {
            let median = series.median();
            let times = [median.p50, median.p99, median.p999].map(time);
            let mut row = vec![series.system.to_owned(), series.clients.to_string(), grouped(median.per_second)];
            row.extend(times);
            row
        });
        (vec!["system", "clients", "commands/s", "p50", "p99", "p999"], rows.collect())
    }

    fn table(&self) -> String {
        table(&self.heads, &self.rows)
    }

    /// For the terminal.
    pub(crate) fn print(&self) {
        println!("\n{} ({})\n{}", self.title, self.work, self.table());
        for aim in &self.aims {
            println!("{}", aim.row(self.work));
        }
    }

    fn markdown(&self, machine: &Machine) -> String {
        let picture = self
            .picture
            .as_ref()
            .map_or(String::new(), |_| format!("\n![{}](pictures/{}.svg)\n", self.title, self.work));
        format!("{}\n\n{}\n\n{}{picture}", self.about, machine.measured(), self.table())
    }
}

/// Brings RESULTS.md up to date, and the pictures beside it.
pub(crate) fn write(path: &Path, machine: &Machine, sections: &[Section]) -> Result<(), Failure> {
    let earlier = fs::read_to_string(path).unwrap_or_default();
    let mut parts = parts_of(&earlier);
    let mut aims: Vec<String> = part(&parts, AIMS).map_or_else(Vec::new, |text| {
        text.lines().filter(|line| line.starts_with("| ")).skip(1).map(str::to_owned).collect()
    });
    for section in sections {
        let of_the_work = format!("| {} |", section.work);
        aims.retain(|row| !row.starts_with(&of_the_work));
        aims.extend(section.aims.iter().map(|aim| aim.row(section.work)));
        put(&mut parts, section.title, section.markdown(machine));
        if let Some(svg) = &section.picture {
            write_file(&path.with_file_name("pictures").join(format!("{}.svg", section.work)), svg)?;
        }
    }
    put(&mut parts, MACHINE, machine.markdown());
    let mut text = format!("{INTRO}\n## {AIMS}\n\n{}", aims_table(&aims));
    for (title, content) in parts.iter().filter(|(title, _)| title != AIMS) {
        write!(text, "\n## {title}\n\n{}\n", content.trim()).expect("a string takes any text");
    }
    write_file(path, &text)
}

fn aims_table(rows: &[String]) -> String {
    let missed = rows.iter().filter(|row| row.contains("**not reached**")).count();
    let head = "| work | aim | wanted | found | found/wanted | | why not |\n|---|---|---|---|---|---|---|";
    format!("{} of {} are reached.\n\n{head}\n{}\n", rows.len() - missed, rows.len(), rows.join("\n"))
}

fn parts_of(text: &str) -> Vec<(String, String)> {
    let parts = text.split("\n## ").skip(1);
    let parts = parts.map(|part| part.split_once('\n').unwrap_or((part, "")));
    parts.map(|(title, content)| (title.to_owned(), content.to_owned())).collect()
}

fn part<'a>(parts: &'a [(String, String)], title: &str) -> Option<&'a str> {
    parts.iter().find(|(found, _)| found == title).map(|(_, content)| content.as_str())
}

/// In its place if it has one, else after all the others.
fn put(parts: &mut Vec<(String, String)>, title: &str, content: String) {
    match parts.iter_mut().find(|(found, _)| found == title) {
        Some((_, old)) => *old = content,
        None => parts.push((title.to_owned(), content)),
    }
}

fn write_file(path: &Path, content: &str) -> Result<(), Failure> {
    let failed = |source| Failure::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, content).map_err(failed)
}

/// Markdown whose columns stand below each other: it is read on the terminal as well.
fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let all = || std::iter::once(&heads).chain(rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::new();
    for (index, row) in all().enumerate() {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Names to the left, figures to the right.
            let padded = if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
            write!(text, "| {padded} ").expect("a string takes any text");
        }
        text.push_str("|\n");
        if index == 0 {
            text.push_str("|---");
            text.push_str(&"|---:".repeat(heads.len() - 1));
            text.push_str("|\n");
        }
    }
    text
}

/// 12,345
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// In milliseconds, as precise as it is worth.
pub(crate) fn time(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1_000.0;
    match milliseconds {
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 1_000.0 => format!("{ms:.1} ms"),
        ms => format!("{:.2} s", ms / 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_figures_are_grouped_by_thousands() {
        assert_eq!([0.4, 999.0, 1_000.0, 1_234_567.0].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_part_that_was_measured_again_takes_the_place_of_the_old_one() {
        let mut parts = parts_of("# Measured\n\n## One\n\nold\n\n## Two\n\nstays\n");
        put(&mut parts, "One", "new".to_owned());
        assert_eq!(part(&parts, "One"), Some("new"));
        assert_eq!(part(&parts, "Two").map(str::trim), Some("stays"));
        assert_eq!(parts.len(), 2);
    }

    #[test]
    fn an_aim_that_is_missed_says_why() {
        let aim = |found| Aim {
            what: "at 16 clients".to_owned(),
            wanted: 4.0,
            found,
            unit: Unit::Times,
            if_missed: "the disk",
        };
        assert!(aim(5.0).row("add-item").ends_with("| 1.25 | reached |  |"));
        assert!(aim(3.0).row("add-item").ends_with("| 0.75 | **not reached** | the disk |"));
        let within = |found| Aim { wanted: 5.0, unit: Unit::AtMostMilliseconds, ..aim(found) };
        assert!(within(4.0).row("checkout").ends_with("| at most 5.00 ms | 4.00 ms | 0.80 | reached |  |"));
        assert!(within(6.0).row("checkout").ends_with("| 6.00 ms | 1.20 | **not reached** | the disk |"));
    }
}
