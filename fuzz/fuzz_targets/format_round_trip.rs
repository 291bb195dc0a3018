//! Formatting keeps meaning and comments, and formatting twice changes nothing.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hpol_tests::fuzz::format_round_trip(data));
