//! Readers of inputs take only what the reference takes, with the same values.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    hpol_tests::fuzz::readers_agree(data);
});
