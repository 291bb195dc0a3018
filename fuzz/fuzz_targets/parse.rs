//! Reading and checking a policy ends in a program or in findings.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hpol_tests::fuzz::parse(data));
