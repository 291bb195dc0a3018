//! The bodies of the fuzz targets hold for a few seeds, and the seeds reach what is to be tried.

use std::path::{Path, PathBuf};

use hpol_tests::choices::Choices;
use hpol_tests::fuzz;
use hpol_tests::program::Program;
use hpol_tests::reading::Outcome;
use walkdir::WalkDir;

/// Policies and cases that stand in the project.
fn texts() -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("../policies-examples"), root.join("../lang/tests/trees"), root.join("suite")];
    let files = folders.iter().flat_map(WalkDir::new).map(|entry| entry.expect("the folder can be read").into_path());
    let wanted = |path: &PathBuf| {
        path.extension().is_some_and(|extension| ["hpol", "rego", "toml"].iter().any(|wanted| extension == *wanted))
    };
    files.filter(wanted).map(|path| (path.clone(), std::fs::read(&path).expect("it can be read"))).collect()
}

/// Bytes that choose a program.
fn chosen(seed: usize) -> Vec<u8> {
    // A small generator of its own, so that the seeds are the same everywhere.
    let mut state = u32::try_from(seed).expect("small") * 2 + 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..200).map(|_| next()).collect()
}

#[test]
fn texts_are_read_and_formatted() {
    let texts = texts();
    assert!(texts.len() > 10, "the seeds have moved");
    for (_, text) in &texts {
        fuzz::parse(text);
        fuzz::parse(&text[..text.len() / 2]);
        fuzz::format_round_trip(text);
    }
    fuzz::parse(b"package p\n\xff");
}

#[test]
fn engines_agree_on_texts() {
    for (path, text) in texts() {
        if path.extension().is_some_and(|extension| extension != "toml") {
            fuzz::engines_agree(&text);
        }
    }
}

#[test]
fn engines_agree_on_chosen_programs() {
    let (mut taken, mut compared) = (0, 0);
    for seed in 0..200 {
        let data = chosen(seed);
        let program = Program::chosen(&mut Choices::new(&data));
        taken += usize::from(fuzz::text_agrees("fuzz.hpol", &program.policy(), &data));
        fuzz::text_agrees("fuzz.rego", &program.library(), &data);
        compared += usize::from(fuzz::peer_agrees(&program.library(), &data));
    }
    assert!(compared >= 20, "only {compared} of 200 programs can be compared with regorus");
    assert!(taken >= 50, "only {taken} of 200 programs pass the checker, so little is tried");
}

#[test]
fn readers_agree_on_chosen_inputs() {
    let outcomes: Vec<_> = (0..2_000).map(|seed| fuzz::readers_agree(&chosen(seed))).collect();
    let right = outcomes.iter().filter(|outcome| outcome.right).count();
    assert!(right >= 500, "only {right} of 2000 inputs are right, so little is tried");
    // A reader that declines is right and of no use.
    let declined = |taken: fn(&Outcome) -> bool| {
        outcomes.iter().filter(|outcome| outcome.right && !taken(outcome)).count() * 100 / right
    };
    assert!(declined(|outcome| outcome.json) < 3, "of 100 right texts");
    assert!(declined(|outcome| outcome.value) < 3, "of 100 right values");
    assert!(declined(|outcome| outcome.typed) < 5, "of 100 right Rust values");
}

#[test]
fn streams_of_events_read_the_same() {
    for stream in [
        "data: one\n\ndata: two\r\ndata: more\r\n\r\nevent: e\rid: 7\rretry: 12\rdata\r\r",
        "\u{feff}: comment\n:\ndata: a\n: within\nevent:\n\n\nid\n\ndata:\n\n",
        "data: unfinished",
        "retry: 1x\nretry:\nunknown: field\n\n\u{feff}data: no mark\n\n",
    ] {
        fuzz::sse_codec(stream.as_bytes());
        for end in 0..stream.len() {
            fuzz::sse_codec(&stream.as_bytes()[..end]);
        }
    }
    fuzz::sse_codec(b"data: \xff\n\n");
    fuzz::sse_codec("data: long ".repeat(60).as_bytes());
}
