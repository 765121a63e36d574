//! The frameworks that the leading master has registered, for those who look for one.

use serde::Deserialize;

use super::{SchedulerError, SchedulerOptions, handle::access, inquiry::Inquiry};
use crate::master::MasterDetector;

/// A registered framework, as far as the master says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ListedFramework {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The user of its tasks.
    pub user: String,
    /// The host of its scheduler.
    pub hostname: String,
    /// Its web page.
    pub webui_url: String,
    /// Whether its scheduler is connected.
    pub connected: bool,
    /// When it was registered first, in seconds since 1970.
    pub registered_time: f64,
    labels: Vec<ListedLabel>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct ListedLabel {
    key: String,
    value: String,
}

impl ListedFramework {
    /// All frameworks of the leading master. `None` if no master answers, or none shows them.
    pub async fn all(options: &SchedulerOptions) -> Result<Option<Vec<Self>>, SchedulerError> {
        let access = access(options).await?;
        let masters = MasterDetector::start(&options.master, options.https).current().await;
        for master in masters.unwrap_or_default() {
            if let Some(found) = Inquiry::new(&master, &access).frameworks().await {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The value of one of its labels.
    pub fn label(&self, key: &str) -> Option<&str> {
        let found = self.labels.iter().find(|label| label.key == key);
        found.map(|label| label.value.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_framework_may_lack_everything_but_shows_what_it_has() {
        let found: ListedFramework = serde_json::from_str("{}").unwrap();
        assert_eq!((found.label("a"), found.connected), (None, false));
        let text = r#"{"id":"F-0001","labels":[{"key":"a","value":"1"},{"key":"b"}],"tasks":[]}"#;
        let found: ListedFramework = serde_json::from_str(text).unwrap();
        assert_eq!(
            (found.id.as_str(), found.label("a"), found.label("b")),
            ("F-0001", Some("1"), Some(""))
        );
    }
}
