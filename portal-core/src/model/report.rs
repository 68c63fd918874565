//! How far a report has come (SPEC 7.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What has become of a report.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// Nobody has dealt with it yet.
    Open,
    /// Somebody looks into it.
    Reviewing,
    /// Settled: something was done about it.
    Actioned,
    /// Settled: nothing was to be done about it.
    Dismissed,
}

impl ReportState {
    /// Every state, as reports come through them.
    pub const ALL: [ReportState; 4] = [
        ReportState::Open,
        ReportState::Reviewing,
        ReportState::Actioned,
        ReportState::Dismissed,
    ];

    /// The word, as the database keeps it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ReportState::Open => "open",
            ReportState::Reviewing => "reviewing",
            ReportState::Actioned => "actioned",
            ReportState::Dismissed => "dismissed",
        }
    }

    /// Whether a report in this state may go to that one. What was dealt with is never `open` again, and
    /// what is settled is looked into once more before it is settled otherwise.
    pub const fn leads_to(self, next: Self) -> bool {
        use ReportState::{Actioned, Dismissed, Open, Reviewing};
        match (self, next) {
            (Open, _)
            | (Reviewing, Reviewing | Actioned | Dismissed)
            | (Actioned, Actioned | Reviewing)
            | (Dismissed, Dismissed | Reviewing) => true,
            (Reviewing | Actioned | Dismissed, Open)
            | (Actioned, Dismissed)
            | (Dismissed, Actioned) => false,
        }
    }
}

impl TryFrom<&str> for ReportState {
    type Error = String;

    fn try_from(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| {
                format!("a report is open, reviewing, actioned or dismissed, not {word:?}")
            })
    }
}
