//! Checking a configuration against the table: forms, unknown keys, keys that are gone.

use std::fmt;

use super::flink::TASKMANAGER_REGISTRATION_TIMEOUT;
use super::{Declaration, Kind, all, find, heartbeats, message_size, pools, ports, range};
use crate::command::java_options_problem;
use crate::config::{Configuration, Source};
use crate::version::FlinkVersion;

/// Something wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key.
    pub key: String,
    /// Where its value came from.
    pub origin: Source,
    /// The mistake, and what to do.
    pub message: String,
    /// Nothing can be started with it; otherwise it is only worth a warning.
    pub fatal: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (from {})", self.key, self.message, self.origin)
    }
}

/// Keys that earlier Flinks had on Mesos, and what replaces them.
pub(super) const GONE: &[(&str, &str)] = &[
    (
        "mesos.resourcemanager.tasks.mem",
        "removed in Flink 1.10: set taskmanager.memory.process.size",
    ),
    (
        "internal.jobgraph-path",
        "removed in Flink 1.15: put the job's jar into usrlib and run `flink-mesos application`",
    ),
    (
        "mesos.maximum-failed-tasks",
        "removed: delays between starts of failing workers grow, without a limit on their number",
    ),
    (
        "mesos.maximum-failed-workers-per-interval",
        "removed: delays between starts of failing workers grow, without a limit on their number",
    ),
    (
        "mesos.workers-failure-rate-interval",
        "removed: delays between starts of failing workers grow, without a limit on their number",
    ),
];

/// Keys of Flink 1.13 that are no longer used, and what replaces them.
pub(super) const FORGOTTEN: &[(&str, &str)] = &[
    (
        "internal.cluster.execution-mode",
        "no longer used: an application's cluster ends with the application",
    ),
    ("high-availability.zookeeper.path.latch", NO_SUCH_NODE),
    ("high-availability.zookeeper.path.leader", NO_SUCH_NODE),
    ("high-availability.zookeeper.path.checkpoints", NO_SUCH_NODE),
    ("high-availability.zookeeper.path.checkpoint-counter", NO_SUCH_NODE),
    ("slotmanager.request-timeout", "no longer used: set slot.request.timeout"),
];

const NO_SUCH_NODE: &str = "no longer used: Flink chooses its names in ZooKeeper itself";

/// Everything in the configuration that the table speaks against, in the configuration's order.
pub fn check(config: &Configuration) -> Vec<Problem> {
    let mut searches = MOST_SEARCHES;
    let each = config.iter().filter_map(|(key, value)| problem(config, key, value, &mut searches));
    each.chain(heartbeats::problem(config)).chain(pools::problems(config)).collect()
}

/// The options that are set by this key: the one of this name, and those that had it before and are
/// not set by their own name or an older name that goes first.
fn set_by<'a>(
    config: &'a Configuration,
    key: &'a str,
) -> impl Iterator<Item = &'static Declaration> + 'a {
    let before = all().filter(move |option| {
        let set = |name: &&str| config.iter().any(|(known, _)| known == *name);
        option.deprecated.contains(&key)
            && [option.key].iter().chain(option.deprecated).find(|name| set(name)) == Some(&key)
    });
    find(key).into_iter().chain(before)
}

/// So many unknown keys are compared with those that are known, and none that is longer.
const MOST_SEARCHES: usize = 100;
const LONGEST_KEY: usize = 100;

fn problem(
    config: &Configuration,
    key: &str,
    value: &str,
    searches: &mut usize,
) -> Option<Problem> {
    let (message, fatal) = if let Some((_, message)) = GONE.iter().find(|(gone, _)| *gone == key) {
        ((*message).to_owned(), true)
    } else if let Some((_, message)) = FORGOTTEN.iter().find(|(forgotten, _)| *forgotten == key) {
        ((*message).to_owned(), false)
    } else if set_by(config, key).next().is_some() {
        of_options(config, key, value)?
    } else if key.starts_with("mesos.") && !is_in_map(key) {
        let is_compared = *searches > 0 && key.len() <= LONGEST_KEY;
        *searches = searches.saturating_sub(1);
        let near = if is_compared { nearest(key) } else { None };
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        (format!("unknown option{near}"), false)
    } else {
        let is_compared = *searches > 0 && key.len() <= LONGEST_KEY && !is_in_map(key);
        *searches = searches.saturating_sub(1);
        let near = if is_compared { nearest(key) } else { None }?;
        (format!("unknown option; did you mean {near}?"), false)
    };
    let origin = config.source(key).cloned().unwrap_or(Source::Default);
    Some(Problem { key: key.to_owned(), origin, message, fatal })
}

/// The problem of this value with the options that the key sets, and whether it is fatal.
fn of_options(config: &Configuration, key: &str, value: &str) -> Option<(String, bool)> {
    let is_read =
        |option: &&Declaration| config.version().is_none_or(|version| option.is_read_by(&version));
    if let Some(option) = find(key).filter(|option| !is_read(option))
        && set_by(config, key).all(|option| !is_read(&option))
    {
        return Some((unread(config, option)?, false));
    }
    let set = || set_by(config, key).filter(is_read);
    let option = set()
        .find(|option| form_error(config, option, value).is_some())
        .or_else(|| set().next())?;
    let is_duration = option.as_read_by(config.version()).kind == Kind::Duration;
    Some(match (form_error(config, option, value), option.without_effect) {
        // Flink's TaskManager logs a warning where it cannot read this one, and takes it for no
        // timeout at all.
        (Some(message), _) if option.key == TASKMANAGER_REGISTRATION_TIMEOUT.key() => {
            (format!("{message}; Flink waits forever"), false)
        }
        (Some(_), _) if is_duration && is_negative(value) && was_number(option) => (
            format!(
                "'{value}' is not a duration since Flink 1.20: remove the option, or set a long duration"
            ),
            true,
        ),
        (Some(message), _) => (message, true),
        (None, why) => (format!("no effect on Mesos: {}", why?), false),
    })
}

/// Why this Flink does not read the option.
fn unread(config: &Configuration, option: &Declaration) -> Option<String> {
    let version = config.version()?;
    let when = match (option.since, option.until) {
        (Some((major, minor)), _) if !version.at_least(major, minor) => {
            format!("exists from Flink {major}.{minor} on")
        }
        (_, Some((major, minor))) => format!("was removed in Flink {major}.{minor}"),
        _ => return None,
    };
    Some(format!("Flink {version} ignores this option: it {when}"))
}

/// Did Flink read it as a number, and a negative one as forever?
fn was_number(option: &Declaration) -> bool {
    option.earlier.iter().any(|earlier| earlier.kind == Kind::Integer)
}

fn is_negative(value: &str) -> bool {
    value.trim().parse::<i64>().is_ok_and(|number| number < 0)
}

/// Is this one of a map's keys, which `config.yaml` may have on a line of its own?
fn is_in_map(key: &str) -> bool {
    all()
        .filter(|option| option.kind == Kind::Map)
        .any(|map| key.strip_prefix(map.key).is_some_and(|rest| rest.starts_with('.')))
}

/// The mistake in a value of this option, read as those of `config` are.
pub(super) fn form_error(
    config: &Configuration,
    option: &Declaration,
    value: &str,
) -> Option<String> {
    let error = error_in(config, &option.as_read_by(config.version()), value)?;
    let later = option.earlier.iter().map(|earlier| earlier.before).find(|(major, minor)| {
        let line = FlinkVersion { major: *major, minor: *minor, patch: 0 };
        config.version().is_some_and(|version| version < line)
            && error_in(config, &option.as_read_by(Some(line)), value).is_none()
    });
    Some(match later {
        Some((major, minor)) => format!("{error}; it is allowed from Flink {major}.{minor} on"),
        None => error,
    })
}

/// The same, with the option as one Flink line reads it.
fn error_in(config: &Configuration, option: &Declaration, value: &str) -> Option<String> {
    let config = config.alone(option.key, value);
    let result = match option.kind {
        Kind::Text => return java_options_problem(option.key, value),
        Kind::Ports => return ports::problem(value, config.version()),
        Kind::MessageSize => return message_size::problem(value),
        Kind::Choice(allowed) if allowed.contains(&value) => return None,
        Kind::Enum(allowed) if allowed.iter().any(|name| name.eq_ignore_ascii_case(value)) => {
            return None;
        }
        Kind::Choice(allowed) | Kind::Enum(allowed) => {
            return Some(format!(
                "'{}' is not one of {}",
                Configuration::shown(option.key, value),
                allowed.join(", ")
            ));
        }
        Kind::Integer => config.get_i64(option.key).map(drop),
        Kind::Number => config.get_f64(option.key).map(drop),
        Kind::Boolean => config.get_bool(option.key).map(drop),
        Kind::Duration => config.get_duration(option.key).map(drop),
        Kind::Memory => config.get_memory(option.key).map(drop),
        Kind::List => config.get_list(option.key).map(drop),
        Kind::Map => config.get_map(option.key).map(drop),
    };
    let Err(error) = result else {
        let allowed = range::beyond(&config, option.key, option)?;
        return Some(format!(
            "{} is out of range ({allowed})",
            Configuration::shown(option.key, value)
        ));
    };
    match error {
        crate::config::ConfigurationError::Value { value, allowed, .. } => {
            let unit = option.unit.filter(|_| option.kind == Kind::Integer);
            let unit = unit.map(|unit| format!(" of {unit}")).unwrap_or_default();
            Some(format!("'{value}' is not {allowed}{unit}"))
        }
        other => Some(other.to_string()),
    }
}

/// The known key that takes the fewest changes of letters, if they are few: of Flink's, of which
/// there are more than in the table, two at most.
pub fn nearest(key: &str) -> Option<&'static str> {
    let is_ours = key.starts_with("mesos.");
    let most = if is_ours { key.len() / 3 } else { 2.min(key.len() / 10) };
    let known =
        all().map(|option| option.key).filter(|known| known.starts_with("mesos.") == is_ours);
    let near = known.map(|known| (distance(key, known), known));
    near.filter(|(distance, _)| *distance <= most).min().map(|(_, known)| known)
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::declare::key;
    use super::*;

    fn check_one(key: &str, value: &str) -> Vec<String> {
        let mut config = Configuration::new();
        config.set(key, value, Source::DynamicProperty);
        check(&config).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn options_for_java_that_flinks_scripts_would_lose_or_run_are_fatal_for_every_process_and_name()
    {
        for key in [
            "env.java.opts",
            "env.java.opts.all",
            "env.java.opts.taskmanager",
            "env.java.default-opts.jobmanager",
        ] {
            let mut config = Configuration::new();
            config.set(key, "-Dx=1 -Da=b;c", Source::DynamicProperty);
            let [found] = <[Problem; 1]>::try_from(check(&config)).unwrap();
            let said = found.to_string();
            let expected = format!("{key}: '-Da=b;c': Flink's scripts would take");
            assert!(
                found.fatal && said.starts_with(&expected) && said.ends_with("(from -D)"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_duration_is_checked_as_the_flink_that_reads_it_does() {
        for (version, problems) in
            [("1.18.1", 1), ("1.20.5", 1), ("2.0.0", 1), ("2.1.0", 0), ("2.3.0", 0)]
        {
            let mut config = Configuration::new();
            config.read_as(version.parse().unwrap());
            config.set("slotmanager.requirement-check.delay", "PT5M", Source::DynamicProperty);
            config.set("mesos.worker.launch-timeout", "PT5M", Source::DynamicProperty);
            let found = check(&config);
            assert_eq!(found.len(), problems, "{version}: {found:?}");
            let said = found
                .iter()
                .all(|problem| problem.fatal && problem.message.contains("only from Flink 2.1 on"));
            assert!(said, "{found:?}");
        }
    }

    #[test]
    fn an_unknown_mesos_key_gets_the_nearest_known_one() {
        let expected = "mesos.resourcemanager.task.cpus: unknown option; did you mean \
                        mesos.resourcemanager.tasks.cpus? (from -D)";
        assert_eq!(check_one("mesos.resourcemanager.task.cpus", "1"), [expected]);
        assert_eq!(check_one("mesos.x", "1"), ["mesos.x: unknown option (from -D)"]);
        assert!(check_one("some.users.own.key", "1").is_empty());
        let found = check_one("taskmanager.memroy.process.size", "3g");
        assert!(found[0].contains("did you mean taskmanager.memory.process.size?"), "{found:?}");
    }

    #[test]
    fn a_value_of_the_wrong_form_is_a_problem() {
        let found = check_one("taskmanager.memory.process.size", "lots");
        assert!(
            found[0].starts_with("taskmanager.memory.process.size: 'lots' is not a memory size"),
            "{found:?}"
        );
        let found = check_one("mesos.resourcemanager.tasks.container.type", "rkt");
        assert!(found[0].contains("'rkt' is not one of mesos, docker"), "{found:?}");
        assert!(check_one("external-resource.gpu.amount", "2").is_empty());
        let found = check_one("mesos.resourcemanager.tasks.labels", "a:b:c");
        assert!(found[0].contains("'a:b:c' is not a map such as key1:value1"), "{found:?}");
        assert!(check_one("mesos.resourcemanager.tasks.labels.team", "a:b:c").is_empty());
    }

    #[test]
    fn a_key_that_is_gone_says_what_to_do() {
        let found = check_one("mesos.resourcemanager.tasks.mem", "1024");
        assert!(found[0].contains("taskmanager.memory.process.size"), "{found:?}");
    }

    #[test]
    fn a_key_without_effect_is_worth_a_warning_that_says_why() {
        for (key, value, part) in [
            (
                "slotmanager.redundant-taskmanager-num",
                "1",
                "no effect on Mesos: `mesos.workers` sets the number",
            ),
            ("mesos.resourcemanager.unused-offer-expiration", "1", "declined at once"),
            ("high-availability.zookeeper.path.latch", "/x", "Flink chooses"),
        ] {
            let mut config = Configuration::new();
            config.set(key, value, Source::DynamicProperty);
            let [found] = check(&config).try_into().unwrap();
            assert!(!found.fatal && found.message.contains(part), "{found}");
        }
        assert!(
            check_one("slotmanager.redundant-taskmanager-num", "x")[0]
                .contains("'x' is not a whole number")
        );
    }

    #[test]
    fn flinks_own_choices_may_be_in_any_case() {
        assert_eq!(check_one("jobmanager.scheduler", "adaptive"), Vec::<String>::new());
        assert!(check_one("jobmanager.scheduler", "fast")[0].contains("'fast' is not one of "));
    }

    #[test]
    fn a_value_under_an_old_name_is_checked_like_one_under_the_new_name() {
        let found = check_one("web.port", "abc");
        assert_eq!(found, ["web.port: 'abc' is not a whole number (from -D)"]);
        assert!(
            check_one("taskmanager.network.memory.fraction", "much")[0]
                .contains("'much' is not a number")
        );
        assert_eq!(check_one("web.port", "8081"), Vec::<String>::new());
        let mut config = Configuration::new();
        config.set("web.port", "abc", Source::DynamicProperty);
        config.set("rest.port", "1", Source::DynamicProperty);
        config.set("rest.bind-port", "1", Source::DynamicProperty);
        assert_eq!(check(&config), [], "Flink does not look at it");
    }

    #[test]
    fn a_registration_timeout_that_flink_takes_for_forever_is_worth_a_warning_under_each_of_its_names()
     {
        for key in ["taskmanager.registration.timeout", "taskmanager.maxRegistrationDuration"] {
            let mut config = Configuration::new();
            config.set(key, "Inf", Source::DynamicProperty);
            let [found] = <[Problem; 1]>::try_from(check(&config)).unwrap();
            assert!(!found.fatal && found.message.contains("waits forever"), "{found}");
        }
    }

    #[test]
    fn a_secret_of_the_wrong_form_is_not_shown() {
        let option = *key::<Option<i64>>("x.secret").declaration();
        assert_eq!(
            form_error(&Configuration::new(), &option, "hush")
                .map(|message| message.contains("hush")),
            Some(false)
        );
    }
}
