//! Notifications to systemd, if systemd has started us.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::timeout;

/// Reports that the daemon is ready.
pub(super) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// Reports that the daemon is stopping.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Feeds the watchdog three times as often as required, while `is_well` says that the daemon works.
/// Never ends.
pub(super) async fn keep_watchdog_quiet(is_well: impl AsyncFn() -> bool) {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return std::future::pending().await;
    };
    let every = (limit / 3).max(Duration::from_millis(100));
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        if timeout(every, is_well()).await.unwrap_or(false) {
            notify(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("The daemon does not answer at its own socket");
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    // Without systemd this does nothing.
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "Cannot report to systemd");
    }
}
