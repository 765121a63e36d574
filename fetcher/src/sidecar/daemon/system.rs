//! What systemd hears of us, when it is systemd that has started us.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::timeout;

/// Says that everything is there that others count on.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Says that the end has begun.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Shows that the daemon does what it is there for, as `is_well` finds out, three times as often as is asked for. Never ends.
pub(super) async fn keep_watchdog_quiet(is_well: impl AsyncFn() -> bool) {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return std::future::pending().await;
    };
    let every = (limit / 3).max(Duration::from_millis(100));
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        if timeout(every, is_well()).await.unwrap_or(false) {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("The daemon does not answer at its own socket");
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    // Without systemd it does nothing.
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "Cannot report to systemd");
    }
}
