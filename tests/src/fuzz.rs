//! What must hold for all bytes: the bodies of the fuzz targets. Each returns, or panics on a finding.

use std::time::Duration;

use bytes::BytesMut;
use hpol_lang::ast::Module;
use hpol_lang::diagnostic;
use hpol_lang::format::format;
use hpol_lang::parse::{ParseLimits, parse as parse_file};
use hpol_lang::source::SourceMap;
use hpol_lang::typed::RuleKind;
use hpol_proxy::llm::sse::{Decoder, Frame, SseError, SseLimits, encode};
use hpol_runtime::source::Files;
use hpol_runtime::{Engine, EngineKind, EngineOptions, Input, Limits, Pass};

use crate::choices::Choices;
use crate::engines::Engines;
use crate::peer::{Peer, alike, known_difference, not_asked};
use crate::program::{Program, made_input, value_of};
use crate::reading::{self, Outcome};

/// The time that counts: a recorded one, so that a finding can be repeated.
const NOW_NANOSECONDS: i64 = 1_750_000_000_000_000_000;
/// Inputs that a program is tried on.
const INPUTS: u8 = 3;
/// Builtins whose results no two calls share.
const UNREPEATABLE: [&str; 4] = ["now", "rand", "uuid", "runtime"];

/// Reading and checking ends in a program or in findings that can be shown, in both profiles.
pub fn parse(data: &[u8]) {
    for name in ["fuzz.hpol", "fuzz.rego"] {
        let checked = hpol_runtime::check(&Files::from_memory([(name, data)]));
        let shown = diagnostic::render(&checked.diagnostics, &checked.sources, false);
        assert_eq!(checked.has_errors(), checked.program.is_none(), "findings and program disagree:\n{shown}");
        for found in &checked.diagnostics {
            assert!(diagnostic_code_is_known(found.code), "`{}` is in no list", found.code);
        }
    }
}

fn diagnostic_code_is_known(code: &str) -> bool {
    hpol_lang::codes::meaning(code).is_some() || code.starts_with("rego_")
}

/// Formatting keeps meaning and comments, and formatting twice changes nothing.
pub fn format_round_trip(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for name in ["fuzz.hpol", "fuzz.rego"] {
        let Some((sources, before)) = module(name, text) else { continue };
        let formatted = format(&sources, &before);
        let (sources, after) = module(name, &formatted)
            .unwrap_or_else(|| panic!("{name} can't be read any more:\n{text}\n---\n{formatted}"));
        assert_eq!(before.tree(), after.tree(), "the meaning of {name} changed:\n{text}\n---\n{formatted}");
        assert_eq!(comments(&before), comments(&after), "comments of {name} changed:\n{text}\n---\n{formatted}");
        assert_eq!(format(&sources, &after), formatted, "formatting {name} twice differs:\n{text}");
    }
}

/// A text without mistakes of syntax.
fn module(name: &str, text: &str) -> Option<(SourceMap, Module)> {
    let mut sources = SourceMap::new();
    let file = sources.add(name, text);
    let (module, diagnostics) = parse_file(&sources, file, &ParseLimits::default());
    if !diagnostics.is_empty() {
        return None;
    }
    module.map(|module| (sources, module))
}

fn comments(module: &Module) -> Vec<String> {
    let mut comments: Vec<String> = module.comments.iter().map(|comment| comment.text.to_string()).collect();
    comments.sort();
    comments
}

/// All engines give the same values, errors and decisions: for the policy that the bytes are, or else for the program
/// that they choose.
pub fn engines_agree(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && text.contains("package ")
    {
        for name in ["fuzz.hpol", "fuzz.rego"] {
            text_agrees(name, text, data);
        }
        return;
    }
    let program = Program::chosen(&mut Choices::new(data));
    text_agrees("fuzz.hpol", &program.policy(), data);
    text_agrees("fuzz.rego", &program.library(), data);
    peer_agrees(&program.library(), data);
}

/// Regorus gives the same values for a module in Rego; whether it was asked anything.
pub fn peer_agrees(text: &str, data: &[u8]) -> bool {
    let files = Files::from_memory([("fuzz.rego", text)]);
    if not_asked(text).is_some() {
        return false;
    }
    let Some(program) = hpol_runtime::check(&files).program else { return false };
    let Ok(peer) = Peer::load(text) else { return false };
    let engine = Engine::new(EngineOptions { kind: EngineKind::Interpreter, ..EngineOptions::default() });
    if engine.load(&files).is_err() {
        return false;
    }
    let mut asked = false;
    for round in 0..INPUTS {
        let bytes = input_bytes(data, round);
        let input = made_input(&mut Choices::new(&bytes));
        for rule in program.rules.iter().filter(|rule| rule.kind != RuleKind::Function) {
            let ours = engine.query(&rule.path, Some(&input)).map_err(|error| error.to_string());
            let theirs = peer.query(&rule.path, &input);
            let same = match (&ours, &theirs) {
                (Ok(Some(ours)), Ok(Some(theirs))) => alike(ours, theirs),
                (Ok(ours), Ok(theirs)) => ours == theirs,
                (ours, theirs) => ours.is_err() && theirs.is_err(),
            };
            let excused = same || known_difference(rule, &ours, &theirs).is_some();
            assert!(
                excused,
                "regorus differs in {}:\n{text}\ninput: {input}\nours:   {ours:?}\ntheirs: {theirs:?}",
                rule.path
            );
            asked = true;
        }
    }
    asked
}

fn input_bytes(data: &[u8], round: u8) -> Vec<u8> {
    data.iter().rev().map(|byte| byte.wrapping_mul(31).wrapping_add(round)).collect()
}

/// Runs everything that a policy offers on inputs of its types; whether it is a policy at all.
pub fn text_agrees(name: &str, text: &str, data: &[u8]) -> bool {
    let files = Files::from_memory([(name, text)]);
    let Some(program) = hpol_runtime::check(&files).program else { return false };
    // Little work, because the fuzzer tries much; and never an end by the clock, which two engines could not share.
    let limits = Limits { fuel: 200_000, memory_bytes: 8 << 20, time: Duration::from_secs(600), ..Limits::default() };
    let pass = Pass::ALL[data.iter().map(|byte| usize::from(*byte)).sum::<usize>() % Pass::ALL.len()];
    let Ok(engines) = Engines::load_without(&files, limits, pass) else { return false };
    if UNREPEATABLE.iter().any(|word| text.contains(word)) {
        return false;
    }
    for round in 0..INPUTS {
        let bytes = input_bytes(data, round);
        let mut choices = Choices::new(&bytes);
        for package in &program.packages {
            let value = value_of(&package.input, &mut choices);
            if let Some(kind) = &package.input_kind {
                engines.decide(&Input::new(kind, value.clone()).at(NOW_NANOSECONDS));
            }
            let prefix = format!("data.{}.", package.path);
            let rules = program.rules.iter().filter(|rule| rule.kind != RuleKind::Function);
            for rule in rules.filter(|rule| rule.path.starts_with(&prefix)) {
                // An answer of any kind will do: that it is the same is checked within.
                drop(engines.query(&rule.path, Some(&value)));
            }
        }
    }
    true
}

/// Readers of inputs take only what the reference takes, with the same values; what became of the input that the bytes choose.
pub fn readers_agree(data: &[u8]) -> Outcome {
    reading::try_chosen(&mut Choices::new(data))
}

/// A stream of events reads the same however the network cuts it, and what was read can be written and read again.
pub fn sse_codec(data: &[u8]) {
    let limits = SseLimits { line_bytes_max: 256, event_bytes_max: 512 };
    let whole = read([data], limits);
    let by_bytes = read(data.chunks(1), limits);
    assert_eq!(whole, by_bytes, "cut into bytes it reads otherwise");
    assert_eq!(whole, read(cut(data), limits), "cut into pieces it reads otherwise");
    let Ok(frames) = whole else { return };
    let mut written = BytesMut::new();
    for frame in &frames {
        encode(frame, &mut written);
    }
    let again = read([&written[..]], SseLimits::default());
    assert_eq!(again, Ok(frames), "written and read again it differs");
}

/// Pieces whose lengths the bytes themselves choose.
fn cut(data: &[u8]) -> Vec<&[u8]> {
    let (mut pieces, mut rest) = (Vec::new(), data);
    while let Some(first) = rest.first() {
        let (piece, after) = rest.split_at(rest.len().min(usize::from(first % 13) + 1));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: SseLimits) -> Result<Vec<Frame>, SseError> {
    let (mut decoder, mut frames) = (Decoder::new(limits), Vec::new());
    for piece in pieces {
        let mut buffer = BytesMut::from(piece);
        while let Some(frame) = decoder.decode(&mut buffer)? {
            frames.push(frame);
        }
    }
    frames.extend(decoder.finish()?);
    Ok(frames)
}
