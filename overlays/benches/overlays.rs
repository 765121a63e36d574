//! Collecting what workers need, and the memory model beside the JVM that Flink's scripts start for
//! it.
//!
//! ```text
//! cargo bench -p overlays --bench overlays -- <flink home>
//! ```
//!
//! Prints one line per row: name, group, ours, peer, ratio, unit, with tabs between. Medians.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]
#![expect(clippy::disallowed_methods, reason = "measures processes on the real clock")]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use flink::config::{Configuration, Source};
use flink::home::FlinkHome;
use flink::memory::TaskManagerMemory;
use overlays::{overlay, worker};

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [home] = arguments.as_slice() else {
        eprintln!("usage: cargo bench -p overlays --bench overlays -- <flink home>");
        std::process::exit(64);
    };
    let home = FlinkHome::open(Path::new(home), None).unwrap();
    let mut config = Configuration::load(&home.conf_dir, &home.version).unwrap();
    config.set("mesos.flink.opt", "true", Source::DynamicProperty);
    collect(&home, &config);
    memory(&home, &config);
    load(&home);
}

/// Every file of the distribution, `opt` too, found and described; the hashes are the artifact
/// server's business.
fn collect(home: &FlinkHome, config: &Configuration) {
    let secrets = tempfile::tempdir().unwrap();
    let seconds = median(200, || {
        let spec = overlay::collect(home, config, &|_| None).unwrap();
        black_box(worker::template(spec, home, secrets.path()).unwrap());
    });
    row("collect", seconds * 1e3, None, "ms");
}

/// A TaskManager's memory, as flags and options. The peer is what Flink's scripts run for each
/// start of one.
fn memory(home: &FlinkHome, config: &Configuration) {
    let seconds = median(2000, || {
        let memory = TaskManagerMemory::compute(config, &home.version).unwrap();
        black_box((memory.jvm_flags(), memory.dynamic_options()));
    });
    let peer = median(5, || bash_java_utils(home));
    row("memory-model", seconds * 1e6, Some(peer * 1e6), "us");
}

fn bash_java_utils(home: &FlinkHome) {
    let distribution = format!("{}/flink-dist-{}.jar", home.lib().display(), home.version);
    let class_path = format!("{}/bin/bash-java-utils.jar:{distribution}", home.path.display());
    let class = "org.apache.flink.runtime.util.bash.BashJavaUtils";
    let output = Command::new("java")
        .args(["-cp", &class_path, class, "GET_TM_RESOURCE_PARAMS", "--configDir"])
        .arg(&home.conf_dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("-Xmx"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// The shipped configuration file, read and checked.
fn load(home: &FlinkHome) {
    let seconds = median(500, || {
        black_box(Configuration::load(&home.conf_dir, &home.version).unwrap());
    });
    row("load-config", seconds * 1e6, None, "us");
}

/// Seconds that `work` takes.
fn median(times: usize, mut work: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..times)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[times / 2]
}

fn row(name: &str, ours: f64, peer: Option<f64>, unit: &str) {
    let (theirs, ratio) = peer.map_or_else(Default::default, |peer| {
        (format!("{peer:.1}"), format!("{:.0}", peer / ours))
    });
    println!("{name}\toverlays\t{ours:.2}\t{theirs}\t{ratio}\t{unit}");
}
