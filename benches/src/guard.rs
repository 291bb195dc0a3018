//! Counted instructions of decisions, which do not depend on how busy a machine is.
//!
//! Callgrind counts while the program is in [`collected`]. Everything before, such as compiling a policy, runs without
//! instrumentation, which the program itself switches through `vgdb`; so the guard takes no longer than it must.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::engine::{Hpol, Runner, Start, assert_agrees, engines};
use crate::error::BenchError;
use crate::policy::Case;

/// Decides each timed request once. Its name is what callgrind looks for.
#[inline(never)]
pub fn collected(runner: &mut dyn Runner, start: Start) {
    black_box(runner).batch(black_box(start), 1);
}

/// How often each request is decided before it counts, so that memory is there and machine code too.
const WARM_ROUNDS: usize = 20;

/// Instructions of a decision, on average over the requests of a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// From a prepared request.
    pub prepared: u64,
    /// From JSON text.
    pub json: u64,
}

impl Counts {
    /// The count from one start.
    pub fn of(self, start: Start) -> u64 {
        match start {
            Start::Prepared => self.prepared,
            Start::Json => self.json,
        }
    }

    fn set(&mut self, start: Start, count: u64) {
        match start {
            Start::Prepared => self.prepared = count,
            Start::Json => self.json = count,
        }
    }
}

/// The counts that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// By how many percent a count may be higher than the kept one.
    pub margin_percent: u64,
    /// By architecture and policy.
    #[serde(default)]
    pub instructions: BTreeMap<String, BTreeMap<String, Counts>>,
}

/// What comes above the counts in their file.
const HEADING: &str = "\
# Instructions of one decision, on average over the requests of a policy, counted by callgrind: what the guard holds
# changes against. `cargo run --release -p hpol-benches --bin guard -- --update` writes it.
";

impl Kept {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// A file that can't be read, or holds something else.
    pub fn read(path: &Path) -> Result<Self, BenchError> {
        let text = std::fs::read_to_string(path)?;
        toml::from_str(&text).map_err(|error| BenchError::Guard(format!("{}: {error}", path.display())))
    }

    /// The file's text.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn text(&self) -> Result<String, BenchError> {
        let counts = toml::to_string(self).map_err(|error| BenchError::Guard(error.to_string()))?;
        Ok(format!("{HEADING}{counts}"))
    }
}

/// How a count stands beside the kept one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within the margin.
    Kept,
    /// Lower by more than the margin: worth keeping.
    Better,
    /// Higher by more than the margin.
    Worse,
    /// There is no kept count.
    Unknown,
}

/// How a count stands beside the kept one.
pub fn verdict(counted: u64, kept: Option<u64>, margin_percent: u64) -> Verdict {
    let Some(kept) = kept else { return Verdict::Unknown };
    // A handful of instructions more or less is no finding, whatever their part.
    let margin = (kept * margin_percent / 100).max(20);
    match counted {
        _ if counted > kept + margin => Verdict::Worse,
        _ if counted + margin < kept => Verdict::Better,
        _ => Verdict::Kept,
    }
}

/// Counts the decisions of policies: runs this program again under callgrind.
///
/// # Errors
///
/// Valgrind that is not there, or a run that fails.
pub fn count(policies: &[Case]) -> Result<BTreeMap<String, Counts>, BenchError> {
    let folder = tempfile::tempdir()?;
    let place = |name: &str| folder.path().join(name).display().to_string();
    let mut command = Command::new("valgrind");
    command
        .arg("--tool=callgrind")
        .args(["--instr-atstart=no", "--collect-atstart=no", "--toggle-collect=*guard::collected*"])
        .arg(format!("--callgrind-out-file={}", place("counts")))
        .arg(format!("--log-file={}", place("log")))
        .arg(format!("--vgdb-prefix={}", place("vgdb")))
        .arg(std::env::current_exe()?)
        .args(["--counted", &place("vgdb")]);
    for case in policies {
        command.args(["--policy", &case.name]);
    }
    let status = command.stdout(Stdio::null()).status().map_err(|error| {
        BenchError::Guard(format!("valgrind can't be run ({error}): install it, as `./test` does on Linux"))
    })?;
    if !status.success() {
        let log = std::fs::read_to_string(place("log")).unwrap_or_default();
        return Err(BenchError::Guard(format!("the run under valgrind failed: {status}\n{log}")));
    }
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for entry in std::fs::read_dir(folder.path())? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("counts.")) {
            take(&std::fs::read_to_string(&path)?, policies, &mut counts);
        }
    }
    for case in policies {
        let complete = counts.get(&case.name).is_some_and(|counts| counts.prepared > 0 && counts.json > 0);
        if !complete {
            return Err(BenchError::Guard(format!("callgrind counted nothing for `{}`", case.name)));
        }
    }
    Ok(counts)
}

/// Takes the count out of a dump of callgrind, whose trigger names policy and start.
fn take(dump: &str, policies: &[Case], counts: &mut BTreeMap<String, Counts>) {
    let after = |start: &str| dump.lines().find_map(|line| line.strip_prefix(start)).map(str::trim);
    let (Some(trigger), Some(total)) = (after("desc: Trigger:"), after("totals:")) else { return };
    for case in policies {
        for start in Start::ALL {
            if trigger.ends_with(&hint(case, start)) {
                let total: u64 = total.parse().unwrap_or(0);
                counts.entry(case.name.clone()).or_default().set(start, total / case.timed as u64);
            }
        }
    }
}

fn hint(case: &Case, start: Start) -> String {
    format!("{}:{}", case.name, start.word())
}

/// Decides the requests of policies under callgrind, which dumps a count after each.
///
/// # Errors
///
/// A policy that can't be loaded or decides wrongly, and what is wrong with `vgdb`.
pub fn run_counted(policies: &[Case], vgdb_prefix: &str) -> Result<(), BenchError> {
    let engines = engines();
    for case in policies {
        let mut runner = Hpol::load(case)?;
        if let Some(engine) = engines.iter().find(|engine| engine.name == crate::engine::HPOL) {
            assert_agrees(case, engine, &mut runner)?;
        }
        for start in Start::ALL {
            runner.batch(start, WARM_ROUNDS);
            monitor(vgdb_prefix, &["instrumentation", "on"])?;
            collected(&mut runner, start);
            monitor(vgdb_prefix, &["dump", &hint(case, start)])?;
            monitor(vgdb_prefix, &["instrumentation", "off"])?;
        }
    }
    Ok(())
}

/// Gives valgrind, in which this process runs, a command.
fn monitor(vgdb_prefix: &str, command: &[&str]) -> Result<(), BenchError> {
    let mut vgdb = Command::new("vgdb")
        .arg(format!("--vgdb-prefix={vgdb_prefix}"))
        .arg(format!("--pid={}", std::process::id()))
        .args(command)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // Valgrind looks for commands while this process works, so it must not wait in the kernel.
    loop {
        if let Some(status) = vgdb.try_wait()? {
            let failed = || BenchError::Guard(format!("`vgdb {}` failed: {status}", command.join(" ")));
            return if status.success() { Ok(()) } else { Err(failed()) };
        }
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_may_be_a_little_higher() {
        let judge = |counted| verdict(counted, Some(10_000), 5);
        assert_eq!([judge(10_500), judge(9_500)], [Verdict::Kept; 2]);
        assert_eq!([judge(10_501), judge(9_499)], [Verdict::Worse, Verdict::Better]);
        assert_eq!(verdict(110, Some(100), 5), Verdict::Kept);
        assert_eq!(verdict(1, None, 5), Verdict::Unknown);
    }

    #[test]
    fn what_is_written_is_read_again() -> Result<(), Box<dyn std::error::Error>> {
        let policies = BTreeMap::from([("rbac_10".to_owned(), Counts { prepared: 100, json: 900 })]);
        let kept = Kept { margin_percent: 5, instructions: BTreeMap::from([("x86_64".to_owned(), policies)]) };
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("guard.toml");
        std::fs::write(&path, kept.text()?)?;
        assert_eq!(Kept::read(&path)?, kept);
        Ok(())
    }

    #[test]
    fn every_policy_has_a_count() -> Result<(), BenchError> {
        let kept = Kept::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/guard.toml")))?;
        for (architecture, counts) in &kept.instructions {
            let missing: Vec<&str> = crate::policy::names().filter(|name| !counts.contains_key(*name)).collect();
            assert!(missing.is_empty(), "{architecture} has no count for {missing:?}: run `guard --update`");
        }
        Ok(())
    }
}
