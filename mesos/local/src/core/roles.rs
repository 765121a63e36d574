//! What Mesos demands of a framework's roles.

use std::collections::BTreeSet;

use mesos::v1::{FrameworkInfo, framework_info::capability::Type as Capability};

use super::framework::is_capable;

/// The error in the framework's roles, worded as Mesos does.
pub(super) fn fault(info: &FrameworkInfo) -> Option<String> {
    if is_capable(info, Capability::MultiRole) {
        if info.role.is_some() {
            return Some(
                "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
                    .into(),
            );
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = info.roles.iter().find(|role| !seen.insert(role.as_str())) {
            return Some(format!("'FrameworkInfo.roles' contains duplicate items: {{ {twice} }}"));
        }
        let wrong = |role: &String| {
            invalid(role).map(|why| format!("'FrameworkInfo.roles' contains invalid role: {why}"))
        };
        return info.roles.iter().find_map(wrong);
    }
    if !info.roles.is_empty() {
        return Some(
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
                .into(),
        );
    }
    invalid(info.role()).map(|why| format!("'FrameworkInfo.role' is not a valid role: {why}"))
}

fn invalid(role: &str) -> Option<String> {
    if role == "*" {
        return None;
    }
    if role.starts_with('/') {
        return Some(format!("Role '{role}' cannot start with a slash"));
    }
    if role.ends_with('/') {
        return Some(format!("Role '{role}' cannot end with a slash"));
    }
    let wrong = |part: &str| {
        part.is_empty()
            || [".", "..", "*"].contains(&part)
            || part.starts_with('-')
            || part.contains(char::is_whitespace)
    };
    role.split('/').any(wrong).then(|| format!("Role '{role}' is not a valid role name"))
}
