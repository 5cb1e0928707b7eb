//! Figures: percentiles or a value, as a table and as JSON. Knows nothing of what was measured.
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::data;

/// One line of the report.
#[derive(Serialize)]
struct Figure {
    name: String,
    unit: &'static str,
    n: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p95: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
}

/// All lines, in the order of measurement.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

impl Figures {
    /// A distribution of times, in milliseconds.
    pub fn times(&mut self, name: impl Into<String>, mut times: Vec<Duration>) {
        times.sort_unstable();
        let at = |share: f64| {
            let index = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len().max(1)) - 1;
            times.get(index).map(|time| time.as_secs_f64() * 1e3)
        };
        let figure = Figure {
            name: name.into(),
            unit: "ms",
            n: times.len(),
            p50: at(0.50),
            p95: at(0.95),
            p99: at(0.99),
            value: None,
        };
        self.push(figure);
    }

    /// One number.
    pub fn value(&mut self, name: impl Into<String>, unit: &'static str, n: usize, value: f64) {
        self.push(Figure { name: name.into(), unit, n, p50: None, p95: None, p99: None, value: Some(value) });
    }

    fn push(&mut self, figure: Figure) {
        eprintln!("measured {}", row(&figure));
        self.0.push(figure);
    }

    /// The table.
    #[expect(clippy::print_stdout, reason = "the table is the program's result")]
    pub fn print(&self) {
        println!(
            "{:<36} {:<7} {:>8} {:>10} {:>10} {:>10} {:>12}",
            "name", "unit", "n", "p50", "p95", "p99", "value"
        );
        for figure in &self.0 {
            println!("{}", row(figure));
        }
    }

    /// `target/bench/latest.json`; where only a part was measured, a file of that part's name.
    pub fn write(&self, commit: &str, only: Option<&str>) -> Result<()> {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model =
            model.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown processor");
        fs::create_dir_all(data::PLACE)?;
        let folder = fs::canonicalize(data::PLACE)?;
        let report = serde_json::json!({
            "commit": commit,
            "machine": format!(
                "{model}, {cores} cores, load generator on the same machine; data on {}; the log at its delivered level, discarded",
                filesystem(&folder)
            ),
            "figures": self.0,
        });
        let name = format!("{}.json", only.unwrap_or("latest"));
        Ok(fs::write(folder.join(name), serde_json::to_string_pretty(&report)? + "\n")?)
    }
}

/// The kind of file system that holds this folder: the mount whose path is the longest beginning of the folder's.
fn filesystem(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let holding = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (place, kind) = (words.next()?, words.next()?);
        folder.starts_with(place).then_some((place.len(), kind))
    });
    holding
        .max_by_key(|(length, _)| *length)
        .map_or_else(|| "an unknown file system".to_owned(), |(_, kind)| kind.to_owned())
}

fn row(figure: &Figure) -> String {
    let cell = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    format!(
        "{:<36} {:<7} {:>8} {:>10} {:>10} {:>10} {:>12}",
        figure.name,
        figure.unit,
        figure.n,
        cell(figure.p50),
        cell(figure.p95),
        cell(figure.p99),
        cell(figure.value)
    )
}
