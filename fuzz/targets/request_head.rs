//! The heads of requests to the artifact server: no bytes make it panic, and more bytes change nothing about a head that is
//! complete.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fetcher::server::fuzz_head(bytes));
