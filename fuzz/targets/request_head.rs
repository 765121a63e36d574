//! Heads of requests to the artifact server: no bytes cause a panic, and further bytes do not
//! change a complete head.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fetcher_server::fuzz_head(bytes));
