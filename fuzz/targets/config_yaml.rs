//! `config.yaml`: no file causes a panic, and a configuration stays the same when it is written and
//! read again.
#![no_main]

use fuzz::{Installation, assert_same};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let installation = Installation::new("config.yaml", "2.3.0");
    let Some(config) = installation.read(bytes) else { return };
    let again = installation.write_and_read(&config).expect("what was read can be written");
    assert_same(&config, &again);
});
