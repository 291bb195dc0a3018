//! The interpreter and machine code agree, with and without the compiler's improvements.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hpol_tests::fuzz::engines_agree(data));
