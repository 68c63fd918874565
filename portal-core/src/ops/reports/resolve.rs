//! Dealing with a report (SPEC 7.6).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::list::{ReportRow, find};
use crate::error::{Error, ErrorKind, Result};
use crate::event::ReportUpdated;
use crate::model::{Note, ReportId, ReportState};
use crate::operation::{Context, Operation};
use crate::ops::{actor_word, audit};
use crate::policy::{PlatformAction, PlatformPermit, on_platform};
use crate::store;

/// Says what becomes of a report: somebody is `reviewing` it, or it is settled as `actioned` or
/// `dismissed`; a settled one can be looked into again. For admins and above. The same state again, with
/// no other note, changes nothing.
///
/// `ERR_UNAUTHENTICATED`, `ERR_STRANGER_FORBIDDEN`, `ERR_FORBIDDEN`, `ERR_REPORT_NOT_FOUND`, `ERR_INVALID`
/// naming `state` where there is no way to it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// Which.
    pub report_id: ReportId,
    /// What becomes of it.
    pub state: ReportState,
    /// What there is to remember, for staff: at most 1000 characters. It takes the place of an earlier
    /// note; left out, that one stays.
    #[serde(default)]
    pub note: Option<Note>,
}

impl Operation for Resolve {
    const NAME: &'static str = "report.resolve";
    type Reply = ReportRow;

    fn apply(self, cx: &mut Context<'_>) -> Result<ReportRow> {
        let permit = on_platform(PlatformAction::Reports, &cx.actor)?;
        let missing = || Error::new(ErrorKind::ReportNotFound);
        let before = find(cx.db, self.report_id)?.ok_or_else(missing)?;
        if !before.state.leads_to(self.state) {
            return Err(Error::invalid("state", no_way_to(self.state)));
        }
        let note = self.note.as_ref().or(before.note.as_ref());
        if before.state == self.state && before.note.as_ref() == note {
            return Ok(before);
        }
        if self.state == ReportState::Open {
            let why = "a note belongs to a report that somebody deals with";
            return Err(Error::invalid("note", why));
        }
        update(cx, &permit, self.report_id, self.state, note)?;
        // The note stays out of the log: it may quote what was said, and the log keeps longer.
        let act = audit::Act {
            chat: Some(before.chat_id),
            target: Some(before.sender_id),
            details: json!({ "report_id": self.report_id, "from": before.state, "state": self.state }),
        };
        audit::record(cx, Self::NAME, act)?;
        cx.emit(ReportUpdated {
            report_id: self.report_id,
            state: self.state,
        })?;
        find(cx.db, self.report_id)?.ok_or_else(missing)
    }
}

/// Why a report cannot come into a state, where it cannot.
const fn no_way_to(state: ReportState) -> &'static str {
    match state {
        ReportState::Open => "a report that somebody has dealt with is not open any more",
        ReportState::Reviewing | ReportState::Actioned | ReportState::Dismissed => {
            "this report is settled; put it back to reviewing first"
        }
    }
}

fn update(
    cx: &Context<'_>,
    permit: &PlatformPermit,
    report: ReportId,
    state: ReportState,
    note: Option<&Note>,
) -> Result<()> {
    debug_assert_eq!(permit.subject(), PlatformAction::Reports);
    store::execute(
        cx.db,
        "UPDATE report SET state = ?, note = ?, handled_by = ?, handled_at = ? WHERE id = ?",
        (state, note, actor_word(&cx.actor), cx.now, report),
    )?;
    Ok(())
}
