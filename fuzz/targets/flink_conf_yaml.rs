//! `flink-conf.yaml`: no file causes a panic, and a configuration stays the same when it is written
//! and read again, in this format and in the newer one.
#![no_main]

use fuzz::{Installation, assert_same};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let older = Installation::new("flink-conf.yaml", "1.18.1");
    let Some(config) = older.read(bytes) else { return };
    // The old format can read some values that it cannot write.
    if let Some(again) = older.write_and_read(&config) {
        assert_same(&config, &again);
    }
    let again = Installation::new("config.yaml", "2.3.0").write_and_read(&config);
    assert_same(&config, &again.expect("what was read can be written as YAML"));
});
