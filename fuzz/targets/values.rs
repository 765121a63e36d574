//! Values in every form that an option can have, and configuration from sources that are not files:
//! no text causes a panic, and a size stays the same when it is printed and read again.
#![no_main]

use flink::check::{check, explain};
use flink::config::{Configuration, MemorySize, Source};
use libfuzzer_sys::fuzz_target;

const KEY: &str = "some.key";

fuzz_target!(|text: &str| {
    let mut config = Configuration::new();
    config.set(KEY, text, Source::DynamicProperty);
    drop((
        config.get_i64(KEY),
        config.get_f64(KEY),
        config.get_bool(KEY),
        config.get_duration(KEY),
    ));
    drop((config.get_list(KEY), config.get_map(KEY)));
    if let Ok(Some(size)) = config.get_memory(KEY) {
        assert_eq!(size.to_string().parse::<MemorySize>(), Ok(size));
    }
    // The text as Java options, and as a value that another Flink reads.
    config.set("env.java.opts.all", text, Source::DynamicProperty);
    config.set("heartbeat.timeout", text, Source::DynamicProperty);
    config.read_as("1.20.5".parse().expect("a version"));
    check(&config);
    // The text as a key, as an image's properties, and as the argument of -D.
    config.set(text, "1", Source::DynamicProperty);
    let variables = [("FLINK_PROPERTIES", text), (&format!("FLINK_CONF_{text}"), "1")];
    drop(config.apply_environment(
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())),
    ));
    drop(config.apply_dynamic_properties(&[text.to_owned()]));
    check(&config);
    explain(&config, text);
});
