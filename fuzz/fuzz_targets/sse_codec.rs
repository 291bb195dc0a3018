//! A stream of events reads the same however the network cuts it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hpol_tests::fuzz::sse_codec(data));
