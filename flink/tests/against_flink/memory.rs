//! The memory model against `BashJavaUtils`, for many random configurations.

use flink::config::{Configuration, MemorySize};
use flink::memory::{JobManagerMemory, MemoryError, TaskManagerMemory};
use flink::version::FlinkVersion;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::oracle::{LINES, flink, seeded};

const CONFIGURATIONS: usize = 600;

#[test]
fn the_task_managers_memory_is_equal_to_the_byte() {
    LINES.into_iter().for_each(compare_task_manager);
}

#[test]
fn the_job_managers_memory_is_equal_to_the_byte() {
    LINES.into_iter().for_each(compare_job_manager);
}

#[test]
fn flink_1_18_computes_the_same() {
    compare_task_manager("flink-1.18.1");
    compare_job_manager("flink-1.18.1");
}

fn compare_task_manager(line: &str) {
    compare(line, "taskmanager", task_manager, |config, version| {
        TaskManagerMemory::compute(config, version)
            .map(|memory| (memory.jvm_flags(), memory.dynamic_options()))
    });
}

fn compare_job_manager(line: &str) {
    compare(line, "jobmanager", job_manager, |config, version| {
        JobManagerMemory::compute(config, version)
            .map(|memory| (memory.jvm_flags(), memory.dynamic_options()))
    });
}

type Entries = Vec<(String, String)>;
type Computed = Result<(Vec<String>, Entries), MemoryError>;

fn compare(
    line: &str,
    question: &str,
    generate: impl Fn(&mut StdRng) -> Entries,
    compute: impl Fn(&Configuration, &FlinkVersion) -> Computed,
) {
    let mut flink = flink(line);
    let (seed, mut random) = seeded(&format!("{line} {question}"));
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..CONFIGURATIONS {
        let entries = generate(&mut random);
        let arguments: Vec<String> =
            entries.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let mut config = Configuration::new();
        config.apply_dynamic_properties(&arguments).unwrap();
        match (flink.ask(question, &arguments), compute(&config, &flink.version)) {
            (Ok(theirs), Ok((flags, options))) => {
                accepted += 1;
                // Flink quotes the list of external resources for the shell.
                let options: Vec<String> = options
                    .into_iter()
                    .map(|(key, value)| {
                        if value.contains(['g', 'f']) {
                            (key, format!("\"{value}\""))
                        } else {
                            (key, value)
                        }
                    })
                    .map(|(key, value)| format!("-D {key}={value}"))
                    .collect();
                assert_eq!(
                    [flags.join(" "), options.join(" ")],
                    theirs[..],
                    "{line} seed {seed}: {arguments:?}"
                );
            }
            (Err(_), Err(_)) => refused += 1,
            (theirs, ours) => {
                panic!("{line} seed {seed}: {arguments:?}\nFlink: {theirs:?}\nours: {ours:?}")
            }
        }
    }
    println!("{line} {question}: {accepted} accepted, {refused} refused");
    assert!(
        accepted > CONFIGURATIONS / 4 && refused > CONFIGURATIONS / 20,
        "{accepted} accepted, {refused} refused"
    );
}

/// A configuration of a TaskManager: mostly one that makes sense, with some keys set at random.
fn task_manager(random: &mut StdRng) -> Entries {
    let mut entries = Picker { random, entries: Vec::new() };
    match entries.random.random_range(0..10) {
        0..4 => entries.size("taskmanager.memory.process.size", 1.0, 700..40_000),
        4..6 => entries.size("taskmanager.memory.flink.size", 1.0, 400..30_000),
        6..8 => {
            entries.size("taskmanager.memory.task.heap.size", 1.0, 1..10_000);
            entries.size("taskmanager.memory.managed.size", 1.0, 0..10_000);
        }
        8 => {
            entries.size("taskmanager.memory.process.size", 1.0, 1500..3000);
            entries.size("taskmanager.memory.flink.size", 1.0, 1000..2500);
        }
        _ => entries.size("taskmanager.heap.size", 0.5, 400..3000),
    }
    entries.number("taskmanager.heap.mb", 0.02, &["1024", "-1", "x"]);
    entries.size("taskmanager.memory.process.size", 0.1, 1000..20_000);
    entries.size("taskmanager.memory.flink.size", 0.1, 500..10_000);
    entries.size("taskmanager.memory.framework.heap.size", 0.2, 0..300);
    entries.size("taskmanager.memory.framework.off-heap.size", 0.2, 0..300);
    entries.size("taskmanager.memory.task.heap.size", 0.2, 0..600);
    entries.size("taskmanager.memory.task.off-heap.size", 0.2, 0..300);
    entries.size("taskmanager.memory.managed.size", 0.1, 0..600);
    entries.size("taskmanager.memory.size", 0.05, 0..600);
    entries.fraction("taskmanager.memory.managed.fraction", 0.3);
    entries.size("taskmanager.memory.network.min", 0.15, 0..200);
    entries.size("taskmanager.memory.network.max", 0.15, 100..3000);
    entries.fraction("taskmanager.memory.network.fraction", 0.15);
    entries.fraction("taskmanager.network.memory.fraction", 0.05);
    entries.size("taskmanager.network.memory.max", 0.05, 100..3000);
    entries.number("taskmanager.network.numberOfBuffers", 0.1, &["2048", "100", "-5", "9999"]);
    entries.number("taskmanager.memory.segment-size", 0.1, &["32kb", "64 kb", "33333", "1024"]);
    entries.size("taskmanager.memory.jvm-metaspace.size", 0.2, 0..600);
    entries.size("taskmanager.memory.jvm-overhead.min", 0.2, 0..400);
    entries.size("taskmanager.memory.jvm-overhead.max", 0.2, 200..3000);
    entries.fraction("taskmanager.memory.jvm-overhead.fraction", 0.2);
    entries.number("taskmanager.numberOfTaskSlots", 0.3, &["1", "2", "7", "64", "0", "+3", "1.5"]);
    entries.number(
        "taskmanager.cpu.cores",
        0.3,
        &["2.5", "0.1", "1e-5", "12345678", "0.123456789", "-1", "NaN", " 4 "],
    );
    entries.number(
        "external-resources",
        0.3,
        &["gpu", "gpu;fpga", "fpga; gpu", "none", "gpu;none", "gpu;gpu"],
    );
    entries.number("external-resource.gpu.amount", 0.3, &["1", "2", "0", "-1"]);
    entries.number("external-resource.fpga.amount", 0.3, &["1", "20"]);
    entries.entries
}

fn job_manager(random: &mut StdRng) -> Entries {
    let mut entries = Picker { random, entries: Vec::new() };
    match entries.random.random_range(0..10) {
        0..4 => entries.size("jobmanager.memory.process.size", 1.0, 500..40_000),
        4..6 => entries.size("jobmanager.memory.flink.size", 1.0, 100..30_000),
        6..8 => entries.size("jobmanager.memory.heap.size", 1.0, 1..10_000),
        8 => {
            entries.size("jobmanager.memory.heap.size", 1.0, 500..1500);
            entries.size("jobmanager.memory.flink.size", 1.0, 1000..2000);
        }
        _ => entries.size("jobmanager.heap.size", 0.5, 100..3000),
    }
    entries.number("jobmanager.heap.mb", 0.03, &["1024", "-1", "x"]);
    entries.size("jobmanager.memory.process.size", 0.1, 1000..20_000);
    entries.size("jobmanager.memory.flink.size", 0.1, 500..10_000);
    entries.size("jobmanager.memory.off-heap.size", 0.3, 0..500);
    entries.size("jobmanager.memory.jvm-metaspace.size", 0.3, 0..600);
    entries.size("jobmanager.memory.jvm-overhead.min", 0.2, 0..400);
    entries.size("jobmanager.memory.jvm-overhead.max", 0.2, 200..3000);
    entries.fraction("jobmanager.memory.jvm-overhead.fraction", 0.3);
    entries.number(
        "jobmanager.memory.enable-jvm-direct-memory-limit",
        0.2,
        &["true", "False", "maybe"],
    );
    entries.entries
}

/// Sets keys with a given probability.
struct Picker<'a> {
    random: &'a mut StdRng,
    entries: Entries,
}

impl Picker<'_> {
    /// A size of so many mebibytes in one of Flink's forms, now and then an odd number of bytes or
    /// nonsense.
    fn size(&mut self, key: &str, probability: f64, mebibytes: std::ops::Range<u64>) {
        let mebibytes = self.random.random_range(mebibytes);
        let value = match self.random.random_range(0..40) {
            0..20 => format!("{mebibytes}m"),
            20..24 => format!("{mebibytes} mb"),
            24..28 => format!("{}kb", mebibytes << 10),
            28..30 => format!("{}g", mebibytes.div_ceil(1024)),
            30 => ["x", "", "-1", "1.5g", "9223372036854775807", "8388607t"]
                .choose(self.random)
                .unwrap()
                .to_string(),
            _ => (MemorySize::of_mebibytes(mebibytes).0 + self.random.random_range(0..1_000_000))
                .to_string(),
        };
        self.set(key, probability, value);
    }

    fn fraction(&mut self, key: &str, probability: f64) {
        let value = match self.random.random_range(0..20) {
            0 => ["1", "1.0", "-0.1", "NaN", "x", "1e-40", "0"]
                .choose(self.random)
                .unwrap()
                .to_string(),
            1..10 => format!("0.{}", self.random.random_range(1..100)),
            10..15 => self.random.random_range(0.0..0.9_f32).to_string(),
            _ => self.random.random_range(0.0..0.9_f64).to_string(),
        };
        self.set(key, probability, value);
    }

    fn number(&mut self, key: &str, probability: f64, values: &[&str]) {
        let value = values.choose(self.random).unwrap().to_string();
        self.set(key, probability, value);
    }

    fn set(&mut self, key: &str, probability: f64, value: String) {
        if self.random.random_bool(probability)
            && !self.entries.iter().any(|(known, _)| known == key)
        {
            self.entries.push((key.to_owned(), value));
        }
    }
}
