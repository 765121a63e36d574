//! Known lines of logs: what they mean, and what to do.

use mesos::v1::task_status::Reason;

use crate::core::Blame;

/// A known problem, and how it appears in logs.
pub(super) struct Symptom {
    /// A line shows the symptom if it contains any of these.
    says: &'static [&'static str],
    /// What to do.
    pub(super) advice: &'static str,
    pub(super) blame: Blame,
    pub(super) reason: Option<Reason>,
}

pub(super) const PORT_TAKEN: &str =
    "the port is taken by another process on this agent, although Mesos offered it";

/// Flink logs the same text for a port below 1024 if the task's user is not root; then it means
/// this.
pub(super) const PORT_FORBIDDEN: &str = "permission denied: only root may listen on ports below 1024. Offer ports from 1024 on, \
     or run the tasks as root (mesos.resourcemanager.tasks.user)";

/// The most specific first, because one failure causes others.
const SYMPTOMS: &[Symptom] = &[
    Symptom {
        says: &["No space left on device", "Disk quota exceeded"],
        advice: "the disk of this agent or the task's disk quota is full",
        blame: Blame::Agent,
        reason: Some(Reason::ContainerLimitationDisk),
    },
    Symptom {
        says: &["OutOfMemoryError: Metaspace"],
        advice: "too many classes: raise taskmanager.memory.jvm-metaspace.size, or look for a leak of class loaders",
        blame: Blame::Configuration,
        reason: None,
    },
    Symptom {
        says: &["OutOfMemoryError: Direct buffer memory", "OutOfMemoryError: Cannot reserve"],
        advice: "direct memory is used up: raise taskmanager.memory.task.off-heap.size, or \
                 taskmanager.memory.framework.off-heap.size",
        blame: Blame::Configuration,
        reason: None,
    },
    Symptom {
        says: &[
            "unable to create native thread",
            "unable to create new native thread",
            "Cannot create worker GC thread",
        ],
        advice: "no more threads are allowed: the limit on processes (ulimit -u, pids group) of this agent's user \
                 is reached",
        blame: Blame::Agent,
        reason: None,
    },
    Symptom {
        says: &["OutOfMemoryError: Java heap space", "GC overhead limit exceeded"],
        advice: "the heap is used up: raise taskmanager.memory.task.heap.size, or taskmanager.memory.process.size",
        blame: Blame::Configuration,
        reason: None,
    },
    // A JVM that has no memory left for a longer message.
    Symptom {
        says: &["java.lang.OutOfMemoryError"],
        advice: "memory of the JVM is used up, and it does not say which: raise taskmanager.memory.jvm-metaspace.size if it ended \
                 while it loaded classes, or raise taskmanager.memory.task.heap.size",
        blame: Blame::Configuration,
        reason: None,
    },
    Symptom {
        says: &[
            "insufficient memory for the Java Runtime Environment",
            "Could not reserve enough space",
            "Failed to allocate initial concurrent mark overflow mark stack",
        ],
        advice: "this agent has less memory left than the TaskManager was promised",
        blame: Blame::Agent,
        reason: Some(Reason::ContainerLimitationMemory),
    },
    Symptom {
        says: &["Cannot assign requested address"],
        advice: "no interface of this agent has that address: see taskmanager.bind-host and taskmanager.host",
        blame: Blame::Configuration,
        reason: None,
    },
    Symptom {
        says: &[
            "Address already in use",
            "Could not start actor system on any port",
            "Could not start rest endpoint on any port",
            "Unable to bind to the configured",
            "java.net.BindException",
            "failed to bind to host",
        ],
        advice: PORT_TAKEN,
        blame: Blame::Agent,
        reason: None,
    },
    Symptom {
        says: &["UnsupportedClassVersionError"],
        advice: "a class was compiled for a newer Java than this agent has",
        blame: Blame::Agent,
        reason: None,
    },
    Symptom {
        says: &["Unrecognized VM option", "Unrecognized option:", "Improperly specified VM option"],
        advice: "this Java does not take an option: see env.java.opts.all and env.java.opts.taskmanager",
        blame: Blame::Configuration,
        reason: None,
    },
    Symptom {
        says: &["Could not create the Java Virtual Machine"],
        advice: "this Java does not take its options: see env.java.opts.all and env.java.opts.taskmanager",
        blame: Blame::Configuration,
        reason: None,
    },
    Symptom {
        says: &[
            "Could not find or load main class",
            "ClassNotFoundException",
            "NoClassDefFoundError",
        ],
        advice: "a class is missing: is its jar in Flink's lib, plugins or usrlib, and was it shipped?",
        blame: Blame::Artifact,
        reason: None,
    },
    Symptom {
        says: &["IllegalConfigurationException"],
        advice: "the configuration is wrong",
        blame: Blame::Configuration,
        reason: None,
    },
    Symptom {
        says: &["Too many open files"],
        advice: "the limit on open files (ulimit -n) of this agent's user is reached",
        blame: Blame::Agent,
        reason: None,
    },
    Symptom {
        says: &["UnknownHostException"],
        advice: "the name does not resolve on this agent",
        blame: Blame::Network,
        reason: None,
    },
    Symptom {
        says: &["maximum registration duration", "RegistrationTimeoutException"],
        advice: "the JobManager cannot be reached from this agent, or rejects this TaskManager",
        blame: Blame::Network,
        reason: None,
    },
];

/// The most specific symptom in this text, with the last line that shows it.
pub(super) fn find(text: &str) -> Option<(&str, &'static Symptom)> {
    SYMPTOMS.iter().find_map(|symptom| {
        let shows = |line: &&str| symptom.says.iter().any(|phrase| line.contains(phrase));
        text.lines().rev().find(shows).map(|line| (line, symptom))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(text: &str) -> &'static str {
        find(text).map_or("", |(_, symptom)| symptom.advice)
    }

    #[test]
    fn known_messages_of_the_jvm_and_flink_are_recognised() {
        for (line, expected) in [
            (
                "Exception in thread \"main\" java.lang.OutOfMemoryError: Metaspace. The metaspace …",
                "jvm-metaspace.size",
            ),
            ("java.lang.OutOfMemoryError: Direct buffer memory. The direct …", "off-heap.size"),
            (
                "java.lang.OutOfMemoryError: Cannot reserve 4096 bytes of direct buffer memory (…)",
                "off-heap.size",
            ),
            (
                "java.lang.OutOfMemoryError: Java heap space",
                "the heap is used up: raise taskmanager.memory.task.heap.size",
            ),
            (
                "Caught exception class java.lang.OutOfMemoryError logging exception class java.lang.InternalError",
                "it does not say which: raise taskmanager.memory.jvm-metaspace.size",
            ),
            ("java.lang.OutOfMemoryError: unable to create native thread: possibly …", "ulimit -u"),
            ("Caused by: java.net.BindException: Address already in use", "port is taken"),
            ("Error: Could not find or load main class org.apache.flink.X", "class is missing"),
            (
                "java.lang.NoClassDefFoundError: org/apache/hadoop/conf/Configuration",
                "class is missing",
            ),
            ("java.io.IOException: No space left on device", "disk of this agent"),
            ("Unrecognized VM option 'UseTheForce'", "does not take an option"),
            (
                "# There is insufficient memory for the Java Runtime Environment to continue.",
                "less memory left",
            ),
            (
                "o.a.f.c.IllegalConfigurationException: Either required fine-grained memory",
                "configuration is wrong",
            ),
            ("java.net.UnknownHostException: jobmanager", "does not resolve"),
            (
                "Caused by: java.net.BindException: Could not start rest endpoint on any port in port range 28777",
                "port is taken",
            ),
            (
                "java.net.BindException: Cannot assign requested address",
                "no interface of this agent",
            ),
            // JDK 17 and 25.
            (
                "Terminating due to java.lang.OutOfMemoryError: Java heap space",
                "the heap is used up",
            ),
            ("Terminating due to java.lang.OutOfMemoryError: Metaspace", "jvm-metaspace.size"),
            ("Could not reserve enough space for 8388608KB object heap", "less memory left"),
            ("Could not reserve enough space for 8388608 KB object heap", "less memory left"),
            (
                "Exception: java.lang.OutOfMemoryError thrown from the UncaughtExceptionHandler in thread \"main\"",
                "memory of the JVM is used up",
            ),
        ] {
            assert!(advice(line).contains(expected), "{line}: {}", advice(line));
        }
        assert!(find("INFO everything is fine").is_none());
    }

    #[test]
    fn a_cause_counts_more_than_its_consequences() {
        let text = "java.lang.NoClassDefFoundError: x\njava.io.IOException: No space left on device\nINFO shutting down\n";
        let (line, symptom) = find(text).unwrap();
        assert_eq!(line, "java.io.IOException: No space left on device");
        assert_eq!(symptom.reason, Some(Reason::ContainerLimitationDisk));
    }
}
