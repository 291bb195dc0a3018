//! Shows how the time of a decision grows with policies, data and requests.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hpol_benches::engine::{HPOL, engines};
use hpol_benches::error::BenchError;
use hpol_benches::growth::{DIMENSIONS, Dimension, Growth, measure};
use hpol_benches::measure::Effort;
use hpol_benches::table::{Table, whole};

/// Measure decisions from small sizes to large ones, and say how their time grows
///
/// The exponent of the best fit is printed: 0 is flat, 1 is proportional to the size. An engine that gets too slow is not
/// tried on larger sizes. Other engines take part if the feature `peers` is on.
///
/// Ends with 0, with 1 if `--check` is given and hpol grows more than its target allows, and with 2 if engines disagree or
/// nothing can be measured.
#[derive(Debug, Parser)]
#[command(name = "scale", version, after_help = EXAMPLES)]
struct Arguments {
    /// Measure only this: rules, definitions, roles, grants, names, items, joined, unread or text; may be repeated
    #[arg(long, value_name = "NAME")]
    dimension: Vec<String>,
    /// Measure only this engine; may be repeated
    #[arg(long, value_name = "NAME")]
    engine: Vec<String>,
    /// The largest size; from 10 on, each is ten times the one before
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    max: usize,
    /// Write the figures as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// End with 1 if a target is missed
    #[arg(long)]
    check: bool,
}

const EXAMPLES: &str = "Examples:
  cargo run --release -p hpol-benches --bin scale
  cargo run --release -p hpol-benches --bin scale -- --dimension rules --engine hpol --max 1000
  cargo run --release -p hpol-benches --features peers --bin scale -- --json scale.json";

/// Figures by dimension and engine.
type Grown = BTreeMap<&'static str, BTreeMap<&'static str, Growth>>;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, BenchError> {
    let chosen = |wanted: &[String], name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if let Some(name) = arguments.dimension.iter().find(|name| DIMENSIONS.iter().all(|known| known.name != **name)) {
        let known = DIMENSIONS.map(|dimension| dimension.name).join(", ");
        return Err(BenchError::NoPolicy { name: name.clone(), known });
    }
    let sizes: Vec<usize> =
        std::iter::successors(Some(10), |size| Some(size * 10)).take_while(|size| *size <= arguments.max).collect();
    let mut grown = Grown::new();
    let mut missed = false;
    let mut output = std::io::stdout().lock();
    for dimension in DIMENSIONS.iter().filter(|dimension| chosen(&arguments.dimension, dimension.name)) {
        let of_this = grown.entry(dimension.name).or_default();
        for engine in engines().iter().filter(|engine| chosen(&arguments.engine, engine.name)) {
            let _ = writeln!(std::io::stderr(), "measuring {} by {}", engine.name, dimension.name);
            if let Some(growth) = measure(dimension, &sizes, engine, Effort::QUICK)? {
                missed |= engine.name == HPOL && growth.exponent > dimension.exponent_max;
                of_this.insert(engine.name, growth);
            }
        }
        output.write_all(text(dimension, &sizes, of_this).as_bytes())?;
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&grown)?)?;
    }
    Ok(if arguments.check && missed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn text(dimension: &Dimension, sizes: &[usize], grown: &BTreeMap<&'static str, Growth>) -> String {
    let headings = sizes.iter().map(|size| whole(*size as f64));
    let mut table = Table::new(std::iter::once("engine".to_owned()).chain(headings).chain(["exponent".to_owned()]));
    let mut ended = String::new();
    for (engine, growth) in grown {
        let figure = |size| whole(growth.nanoseconds.get(size).copied().unwrap_or(f64::NAN));
        let mark = if *engine == HPOL && growth.exponent > dimension.exponent_max { "!" } else { " " };
        let exponent = format!("{:.2}{mark}", growth.exponent);
        table.row(std::iter::once((*engine).to_owned()).chain(sizes.iter().map(figure)).chain([exponent]));
        if let Some(reason) = &growth.ended {
            ended.push_str(&format!("{engine} ends there: {}\n", reason.lines().next().unwrap_or_default()));
        }
    }
    format!(
        "{}: {}, from a {} request; nanoseconds a decision; hpol is to grow with an exponent of {} at most\n\n{table}{ended}\n",
        dimension.name,
        dimension.title,
        dimension.start.word(),
        dimension.exponent_max,
    )
}
