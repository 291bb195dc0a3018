//! What loading a policy takes, what it leaves in memory, and what a reload does to decisions that go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hpol_runtime::source::Files;
use hpol_runtime::{CodeReady, EngineOptions, Evaluator, Input};
use serde::Serialize;

use crate::engine::{HPOL, Hpol, Runner, Start, hpol_files, hpol_input};
use crate::error::BenchError;
use crate::policy::Case;

/// What a program has allocated so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allocated {
    /// How often it asked for memory.
    pub times: usize,
    /// Bytes that it holds.
    pub bytes: usize,
}

impl Allocated {
    /// What an instrumented allocator has counted.
    pub fn of(stats: &stats_alloc::Stats) -> Self {
        let bytes = stats.bytes_allocated.saturating_sub(stats.bytes_deallocated);
        Self { times: stats.allocations + stats.reallocations, bytes }
    }
}

/// What tells it.
pub type Meter = fn() -> Allocated;

/// What loading a policy takes.
#[derive(Debug, Clone, Serialize)]
pub struct Loading {
    /// The policy.
    pub policy: String,
    /// Milliseconds from its files to the first decision: the least of some loads, because others share the machine.
    pub first_decision_milliseconds: f64,
    /// Milliseconds from its files to its machine code, which is made while the interpreter answers.
    pub code_milliseconds: f64,
    /// Bytes of its files, documents included.
    pub source_bytes: usize,
    /// Bytes of its JSON documents.
    pub document_bytes: usize,
    /// Bytes that the engine holds after the first decision, without code.
    pub memory_bytes: usize,
    /// Bytes of memory that machine code stands in; nothing where the system does not tell.
    pub code_bytes: usize,
    /// How often a warm decision allocates.
    pub allocations: Allocations,
}

/// How often a warm decision allocates, on average over the requests of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Allocations {
    /// From a prepared request.
    pub prepared: f64,
    /// From JSON text.
    pub json: f64,
}

impl Allocations {
    /// The figure from one start.
    pub fn of(self, start: Start) -> f64 {
        match start {
            Start::Prepared => self.prepared,
            Start::Json => self.json,
        }
    }
}

/// Decides warm requests of a policy, and counts the allocations.
///
/// # Errors
///
/// What is wrong with the policy.
pub fn allocations(case: &Case, meter: Meter) -> Result<Allocations, BenchError> {
    let mut runner = Hpol::load(case)?;
    let mut count = |start| {
        runner.batch(start, ROUNDS);
        let before = meter().times;
        runner.batch(start, ROUNDS);
        (meter().times - before) as f64 / (ROUNDS * case.timed) as f64
    };
    Ok(Allocations { prepared: count(Start::Prepared), json: count(Start::Json) })
}

/// How often a policy is loaded.
const LOADS: usize = 5;

/// How often requests are decided before allocations count, and while they do.
const ROUNDS: usize = 50;

/// Loads a policy.
///
/// # Errors
///
/// What is wrong with the policy.
pub fn loading(case: &Case, meter: Meter) -> Result<Loading, BenchError> {
    let files = hpol_files(case);
    let input = input(case, 0)?;
    let (mut least, mut least_code) = (f64::INFINITY, f64::INFINITY);
    let (mut memory_bytes, mut code_bytes) = (0, 0);
    for _ in 0..LOADS {
        let (before, code_before, begun) = (meter().bytes, executable_bytes(), Instant::now());
        let engine = loaded(case, &files)?;
        std::hint::black_box(engine.decide(&input));
        least = least.min(begun.elapsed().as_secs_f64() * 1e3);
        engine.wait_for_code();
        least_code = least_code.min(begun.elapsed().as_secs_f64() * 1e3);
        // The most of all loads, because what an earlier one held may be given back only now.
        memory_bytes = memory_bytes.max(meter().bytes.saturating_sub(before));
        code_bytes = code_bytes.max(executable_bytes().saturating_sub(code_before));
    }
    let documents = case.files.iter().filter(|(path, _)| path.ends_with(".json") && !path.ends_with(".schema.json"));
    Ok(Loading {
        policy: case.name.clone(),
        first_decision_milliseconds: least,
        code_milliseconds: least_code,
        source_bytes: case.files.iter().map(|(_, content)| content.len()).sum(),
        document_bytes: documents.map(|(_, content)| content.len()).sum(),
        memory_bytes,
        code_bytes,
        allocations: allocations(case, meter)?,
    })
}

/// An engine as the gateway runs it: the interpreter answers until machine code is there.
fn loaded(case: &Case, files: &Files) -> Result<hpol_runtime::Engine, BenchError> {
    let options = EngineOptions { code: CodeReady::InBackground, ..EngineOptions::default() };
    let engine = hpol_runtime::Engine::new(options);
    engine.load(files).map_err(|error| BenchError::engine(HPOL, &case.name, error))?;
    Ok(engine)
}

fn input(case: &Case, request: usize) -> Result<Input, BenchError> {
    hpol_input(case.kind, &case.requests[request]).map_err(|message| BenchError::engine(HPOL, &case.name, message))
}

/// What goes on beside the decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// The same policies are loaded as often, into another engine: the work without the swap.
    Elsewhere,
    /// New generations are loaded into the engine that decides.
    Swapping,
}

/// How long single decisions took, by the clock on the wall.
#[derive(Debug, Clone, Serialize)]
pub struct Latencies {
    /// What went on beside.
    pub beside: Beside,
    /// How many decisions there were.
    pub decisions: usize,
    /// Generations that were loaded meanwhile.
    pub generations: usize,
    /// Half of the decisions were faster, in microseconds.
    pub median: f64,
    /// All but one of a hundred.
    pub percentile_99: f64,
    /// All but one of a thousand.
    pub percentile_99_9: f64,
    /// The slowest.
    pub slowest: f64,
    /// How many took a millisecond more than the median.
    pub late: usize,
    /// How many were not what the policy says.
    pub wrong: usize,
}

/// Decides the requests of a policy for as long as another thread loads generations.
///
/// # Errors
///
/// What is wrong with the policy.
pub fn latencies(case: &Case, beside: Beside, generations: usize) -> Result<Latencies, BenchError> {
    let files = hpol_files(case);
    let (engine, other) = (loaded(case, &files)?, loaded(case, &files)?);
    let inputs = (0..case.timed).map(|request| input(case, request)).collect::<Result<Vec<_>, _>>()?;
    let expected: Vec<_> = inputs.iter().map(|input| engine.decide(input).effect).collect();
    let generation_files = [files, changed(case)];
    let ended = AtomicBool::new(false);
    let mut evaluator = Evaluator::new(&engine);
    let mut times: Vec<u32> = Vec::new();
    let mut wrong = 0;
    let loaded = std::thread::scope(|scope| {
        let loader = scope.spawn(|| {
            let result = load_all(beside, [&engine, &other], &generation_files, generations);
            ended.store(true, Ordering::Release);
            result
        });
        while !ended.load(Ordering::Acquire) {
            for (input, expected) in inputs.iter().zip(&expected) {
                let begun = Instant::now();
                evaluator.set_input(input);
                let effect = evaluator.decide().effect();
                times.push(u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX));
                wrong += usize::from(effect != *expected);
            }
        }
        loader.join()
    });
    let generations = loaded.map_err(|_| BenchError::engine(HPOL, &case.name, "loading panicked"))??;
    times.sort_unstable();
    let at = |per_mille: usize| {
        let position = (times.len() * per_mille / 1_000).min(times.len().saturating_sub(1));
        f64::from(times.get(position).copied().unwrap_or(0)) / 1e3
    };
    let late_from = at(500) + 1e3;
    let late = times.iter().filter(|time| f64::from(**time) / 1e3 > late_from).count();
    Ok(Latencies {
        beside,
        decisions: times.len(),
        generations,
        median: at(500),
        percentile_99: at(990),
        percentile_99_9: at(999),
        slowest: at(1_000),
        late,
        wrong,
    })
}

/// The same policy in other files, so that a load has something to do.
fn changed(case: &Case) -> Files {
    let files = case.files.iter().map(|(path, content)| (path.as_str(), content.as_str()));
    Files::from_memory(files.chain([("bench/more.hpol", "package bench.more\n\nanswer := 42\n")]))
}

/// How long nothing goes on beside.
const QUIET: Duration = Duration::from_secs(3);

fn load_all(
    beside: Beside,
    [engine, other]: [&hpol_runtime::Engine; 2],
    files: &[Files; 2],
    generations: usize,
) -> Result<usize, BenchError> {
    let target = match beside {
        Beside::Nothing => {
            std::thread::sleep(QUIET);
            return Ok(0);
        }
        Beside::Elsewhere => other,
        Beside::Swapping => engine,
    };
    for generation in 0..generations {
        let loaded = target.load(&files[generation % 2]);
        loaded.map_err(|error| BenchError::engine(HPOL, "reload", error))?;
    }
    Ok(generations)
}

/// What an engine holds after some reloads.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Held {
    /// Reloads so far.
    pub reloads: usize,
    /// Bytes that are held more than after the first load, without code.
    pub bytes: usize,
    /// Bytes of the process that stand in memory, code included; nothing where the system does not tell.
    pub resident_bytes: usize,
}

/// Loads a policy again and again, and looks at what is held on the way.
///
/// # Errors
///
/// What is wrong with the policy.
pub fn reloads(case: &Case, count: usize, meter: Meter) -> Result<Vec<Held>, BenchError> {
    let files = [hpol_files(case), changed(case)];
    let engine = loaded(case, &files[0])?;
    engine.wait_for_code();
    let input = input(case, 0)?;
    let before = meter().bytes;
    let mut held = Vec::new();
    for reload in 1..=count {
        engine.load(&files[reload % 2]).map_err(|error| BenchError::engine(HPOL, &case.name, error))?;
        std::hint::black_box(engine.decide(&input));
        // The first generations find memory that is kept for reuse empty.
        if reload == (count / 100).max(2) || reload == count / 2 || reload == count {
            engine.wait_for_code();
            let bytes = meter().bytes.saturating_sub(before);
            held.push(Held { reloads: reload, bytes, resident_bytes: resident_bytes() });
        }
    }
    Ok(held)
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()));
    pages.unwrap_or(0) * rustix::param::page_size()
}

/// Bytes in memory that can be executed and come from no file: machine code of policies.
fn executable_bytes() -> usize {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let mut executable = false;
    let mut kilobytes = 0;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("Rss:"), Some(size)) if executable => kilobytes += size.parse().unwrap_or(0),
            // `7f0000000000-7f0000001000 r-xp 00000000 00:00 0` and a name, if it has one.
            (Some(range), Some(rights)) if range.contains('-') && rights.len() == 4 => {
                executable = rights.contains('x') && words.nth(3).is_none();
            }
            _ => {}
        }
    }
    kilobytes * 1024
}
