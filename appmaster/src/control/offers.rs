//! Why offers are declined: the answer to `GET /offers`, shared by the API and its clients.

use scheduler::core::Core;
use serde::{Deserialize, Serialize};

use crate::{console::one_line, table::table};

/// The offers that were declined since the last launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offers {
    /// Number of TaskManagers to launch.
    pub missing: usize,
    /// Number of declined offers.
    pub declined: usize,
    /// The reasons, the most frequent one first.
    pub refusals: Vec<Refusal>,
    /// Why nothing is launched although TaskManagers are missing.
    pub starved: Option<String>,
}

/// A reason to decline offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The reason.
    pub reason: String,
    /// Number of offers.
    pub offers: usize,
    /// Their share of all declined offers, from 0 to 1.
    pub share: f64,
}

impl Offers {
    pub(crate) fn of(core: &Core) -> Self {
        let refusals = core.refusals();
        let declined = refusals.iter().map(|(_, offers)| offers).sum();
        let share = |offers: usize| offers as f64 / declined as f64;
        let mut refusals: Vec<_> = refusals
            .into_iter()
            .map(|(reason, offers)| Refusal { reason, offers, share: share(offers) })
            .collect();
        refusals.sort_by_key(|refusal| std::cmp::Reverse(refusal.offers));
        Self { missing: core.missing(), declined, refusals, starved: core.starved() }
    }

    /// The offers for people. Nothing in it can control the terminal.
    pub(crate) fn lines(&self) -> String {
        let missing = match self.missing {
            0 => "no TaskManager is missing".to_owned(),
            1 => "1 TaskManager is missing".to_owned(),
            many => format!("{many} TaskManagers are missing"),
        };
        let plural = if self.declined == 1 { "" } else { "s" };
        let mut lines = vec![format!(
            "{} offer{plural} declined since the last launch; {missing}",
            self.declined
        )];
        let rows = self.refusals.iter().map(|refusal| {
            let share = format!("{:.0} %", refusal.share * 100.0);
            [share, refusal.offers.to_string(), one_line(&refusal.reason)]
        });
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            lines.extend(self.starved.as_deref().map(one_line));
        } else {
            lines.extend(table(["SHARE", "OFFERS", "REASON"], rows));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reason: &str, offers: usize, share: f64) -> Refusal {
        Refusal { reason: reason.to_owned(), offers, share }
    }

    #[test]
    fn people_see_each_reason_with_its_share() {
        let offers = Offers {
            missing: 2,
            declined: 12,
            refusals: vec![
                refusal("need mem 1760 MB, largest was 1024 MB", 9, 0.75),
                refusal("x\u{1b}[2J", 3, 0.25),
            ],
            starved: None,
        };
        let expected = "\
12 offers declined since the last launch; 2 TaskManagers are missing
SHARE  OFFERS  REASON
75 %   9       need mem 1760 MB, largest was 1024 MB
25 %   3       x\\u{1b}[2J";
        assert_eq!(offers.lines(), expected);
        let starved = Some("the master has sent no offer".to_owned());
        let none = Offers { missing: 1, declined: 0, refusals: Vec::new(), starved };
        let expected = "0 offers declined since the last launch; 1 TaskManager is missing\n\
                        the master has sent no offer";
        assert_eq!(none.lines(), expected);
    }
}
