//! What changed options mean for a framework that is already registered: Mesos keeps its user and
//! principal while it exists.
//!
//! `checkpoint` is also fixed, but no option sets it: our frameworks and those of Flink 1.13 are
//! registered with it.

mod at_master;

use flink::options::mesos::{
    FAILOVER_TIMEOUT, FRAMEWORK_PRINCIPAL, FRAMEWORK_ROLE, FRAMEWORK_SECRET, FRAMEWORK_USER,
    STATE_FORGET_FRAMEWORK,
};

pub use self::at_master::{AtMaster, agents_of};
use crate::core::state::{Registration, State};

/// An option that cannot take effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Mesos would refuse the framework.
    Refused(String),
    /// Mesos would ignore the option.
    Ignored(String),
}

/// How the stored framework differs from what the options say, unless it must be forgotten.
pub fn differences(
    state: &State,
    wanted: &Registration,
    forgotten: Option<&str>,
) -> Vec<Difference> {
    let (Some(id), Some(known)) = (&state.framework, &state.registration) else {
        return Vec::new();
    };
    if forgotten == Some(id) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let shown = |value: &Option<String>| match value.as_deref() {
        None | Some("") => "not set".to_owned(),
        Some(value) => value.to_owned(),
    };
    if known.principal != wanted.principal {
        let (old, new) = (shown(&known.principal), shown(&wanted.principal));
        found.push(Difference::Refused(format!(
            "{FRAMEWORK_PRINCIPAL}: it is {new} now, but was {old} when the framework {id} registered, and Mesos refuses a framework whose \
             principal changes. Set it back, or start with the old one, run `flink-mesos stop`, and start again with the new one"
        )));
    }
    if known.user.is_some() && known.user != wanted.user {
        let (old, new) = (shown(&known.user), shown(&wanted.user));
        found.push(Difference::Ignored(format!(
            "{FRAMEWORK_USER}: it is {new} now, but was {old} when the framework {id} registered, and Mesos keeps that one. To change it, run \
             `flink-mesos stop` and start again; to run TaskManagers as another user, set mesos.resourcemanager.tasks.user"
        )));
    }
    found
}

/// Why the workers of the stored framework cannot be taken over: `reason` says which master does
/// not know it.
pub fn unknown(reason: &str, framework: &str, workers: usize) -> String {
    format!("{reason}. {}", next_step(framework, workers))
}

/// What to do about a master that does not know the stored framework.
fn next_step(framework: &str, workers: usize) -> String {
    let task_managers = if workers == 1 { "the TaskManager" } else { "the TaskManagers" };
    format!(
        "It is the master of another Mesos cluster, or it has lost its registry. Set mesos.master to the earlier master, or \
         mesos.state.dir (with ZooKeeper high-availability.cluster-id) to the state of a cluster on this master. If {task_managers} of \
         this framework ({workers}) are gone, or may be left behind until mesos.failover-timeout, start with \
         -D{STATE_FORGET_FRAMEWORK}={framework}"
    )
}

/// The options that caused a refusal by the master, as far as its message shows.
pub fn options_of(refusal: &str) -> Option<String> {
    let has = |word: &str| refusal.to_ascii_lowercase().contains(word);
    if has("principal") && has("secret") {
        Some(format!("{FRAMEWORK_PRINCIPAL}, {FRAMEWORK_SECRET}"))
    } else if has("principal") {
        Some(FRAMEWORK_PRINCIPAL.to_string())
    } else if has("role") {
        Some(FRAMEWORK_ROLE.to_string())
    } else if has("failover_timeout") || has("failover timeout") {
        Some(FAILOVER_TIMEOUT.to_string())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(user: &str, principal: Option<&str>) -> Registration {
        Registration { user: Some(user.to_owned()), principal: principal.map(str::to_owned) }
    }

    fn state(registration: Option<Registration>) -> State {
        State { framework: Some("F-0001".to_owned()), registration, ..State::fresh("e".to_owned()) }
    }

    #[test]
    fn another_user_is_ignored_and_another_principal_refused_and_both_are_reported_with_option_and_values()
     {
        let before = state(Some(registration("alice", Some("flink"))));
        assert_eq!(differences(&before, &registration("alice", Some("flink")), None), []);
        let found = differences(&before, &registration("bob", None), None);
        let [Difference::Refused(principal), Difference::Ignored(user)] = &found[..] else {
            panic!("{found:?}")
        };
        let said = format!(
            "{FRAMEWORK_PRINCIPAL}: it is not set now, but was flink when the framework F-0001 registered"
        );
        assert!(
            principal.starts_with(&said) && principal.contains("flink-mesos stop"),
            "{principal}"
        );
        let said = format!(
            "{FRAMEWORK_USER}: it is bob now, but was alice when the framework F-0001 registered"
        );
        assert!(
            user.starts_with(&said) && user.contains("mesos.resourcemanager.tasks.user"),
            "{user}"
        );
        let found = differences(
            &state(Some(registration("", None))),
            &registration("", Some("flink")),
            None,
        );
        assert!(matches!(&found[..], [Difference::Refused(_)]), "{found:?}");
    }

    #[test]
    fn a_framework_with_unknown_registration_gives_no_warning() {
        assert_eq!(differences(&state(None), &registration("bob", Some("flink")), None), []);
        let fresh = State { framework: None, ..state(Some(registration("alice", None))) };
        assert_eq!(differences(&fresh, &registration("bob", Some("flink")), None), []);
        let unknown = Registration { user: None, principal: None };
        assert_eq!(differences(&state(Some(unknown)), &registration("bob", None), None), []);
        let before = state(Some(registration("alice", None)));
        assert_eq!(
            differences(&before, &registration("bob", Some("flink")), Some("F-0001")),
            [],
            "it is to be forgotten"
        );
    }

    #[test]
    fn a_refusal_by_the_master_is_reported_with_its_option() {
        let of = |text: &str| options_of(text).unwrap_or_default();
        assert_eq!(of("Changing framework's principal is not allowed."), FRAMEWORK_PRINCIPAL.key());
        assert_eq!(
            of("h:1 refused the framework's principal and secret (401)"),
            format!("{FRAMEWORK_PRINCIPAL}, {FRAMEWORK_SECRET}")
        );
        assert_eq!(of("Not authorized to use roles '[a]'"), "mesos.resourcemanager.framework.role");
        assert_eq!(of("The framework failover_timeout (inf) is invalid"), "mesos.failover-timeout");
        assert_eq!(of("something else"), "");
    }
}
