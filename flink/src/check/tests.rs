//! What the check says, and about what it says nothing.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::options::{Bounds, key, mesos};

mod lines;

fn check_one(key: &str, value: &str) -> Vec<String> {
    let mut config = Configuration::new();
    config.set(key, value, Source::DynamicProperty);
    check(&config).iter().map(ToString::to_string).collect()
}

#[test]
fn options_for_java_that_flinks_scripts_would_lose_or_run_are_fatal_for_every_process_and_name() {
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
            "resourcemanager.start-worker.retry-interval",
            "1 s",
            "no effect on Mesos: failures slow launches down",
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
        form_error(&Configuration::new(), &option, "hush").map(|message| message.contains("hush")),
        Some(false)
    );
}

#[test]
fn every_default_has_its_options_form() {
    for option in all() {
        if let Some(default) = option.default {
            assert_eq!(form_error(&Configuration::new(), option, default), None, "{}", option.key);
        }
    }
}

/// Values just outside of the bounds, in the option's form, where there are any.
fn outside(bounds: Bounds) -> Vec<String> {
    let texts = match bounds {
        Bounds::Integer(least, most) => {
            [least.checked_sub(1), most.checked_add(1)].map(|n| n.map(|n| n.to_string()))
        }
        Bounds::Number(least, most) => [least - 0.001, most + 1.0]
            .map(|number| (number.is_finite() && number < 1e15).then(|| number.to_string())),
        Bounds::Duration(least, most) => {
            let below = least
                .checked_sub(Duration::from_millis(1))
                .map(|time| format!("{} ms", time.as_millis()));
            let above = most.as_millis() + 1;
            [below, i64::try_from(above).is_ok().then(|| format!("{above} ms"))]
        }
        Bounds::Memory(least, most) => {
            let above = most.checked_add(1).filter(|most| i64::try_from(*most).is_ok());
            [least.checked_sub(1), above].map(|bytes| bytes.map(|bytes| format!("{bytes} bytes")))
        }
    };
    texts.into_iter().flatten().collect()
}

#[test]
fn every_value_outside_of_its_options_bounds_is_refused_with_key_value_and_what_is_allowed() {
    let mut tried = 0;
    for option in all() {
        let Some(bounds) = option.bounds() else { continue };
        let key = option.key.replace("<name>", "x");
        for value in outside(bounds) {
            let mut config = Configuration::new();
            config.set(&key, &value, Source::DynamicProperty);
            let [found] = check(&config)
                .try_into()
                .unwrap_or_else(|found| panic!("{key}: {value}: {found:?}"));
            let said = found.to_string();
            let expected =
                format!("{key}: {value} is out of range ({})", option.allowed().unwrap());
            assert!(found.fatal && said.starts_with(&expected), "{said}, not {expected}");
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
}

#[test]
fn a_reader_gets_the_error_that_the_check_reports() {
    for value in ["many", "-1", "100001", "9223372036854775808"] {
        let mut config = Configuration::new();
        config.set("mesos.workers", value, Source::DynamicProperty);
        let error = config.read(&mesos::WORKERS).unwrap_err().to_string();
        let reported = check(&config)[0].to_string();
        assert!(reported.starts_with(error.trim_end_matches(" (from -D)")), "{error}, {reported}");
    }
}
