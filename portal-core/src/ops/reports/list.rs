//! Reading reports, as staff do.

use rusqlite::{Connection, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::model::{
    ChatId, ChatName, ChatType, MAX_ID, MessageId, Note, Reason, ReportId, ReportState, Timestamp,
    UserId, Username,
};
use crate::operation::{Query, View};
use crate::policy::{PlatformAction, on_platform};
use crate::store;

/// A report, without the words of the message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportRow {
    /// Its id, rising.
    pub id: ReportId,
    /// When it was made.
    pub at: Timestamp,
    /// What has become of it.
    pub state: ReportState,
    /// Whether what the message says was proven; `report.get` shows it.
    pub verified: bool,
    /// The chat; it may be gone.
    pub chat_id: ChatId,
    /// The chat's type at the time.
    pub chat_type: ChatType,
    /// The chat's name at the time.
    pub chat_name: ChatName,
    /// The message; it may be gone.
    pub message_id: MessageId,
    /// The message's epoch.
    pub epoch: u64,
    /// When the message was sent.
    pub message_at: Timestamp,
    /// Who wrote the message: the reported.
    pub sender_id: UserId,
    /// The name; null once the user is deleted.
    pub sender_username: Option<Username>,
    /// Who reported it.
    pub reporter_id: UserId,
    /// The name; null once the user is deleted.
    pub reporter_username: Option<Username>,
    /// Why.
    pub reason: Reason,
    /// What staff wrote down about it.
    pub note: Option<Note>,
    /// Who dealt with it last: a user id, `operator` or `system`.
    pub handled_by: Option<String>,
    /// When.
    pub handled_at: Option<Timestamp>,
}

/// The columns of a [`ReportRow`], of [`ROWS`].
const COLUMNS: &str = "r.id, r.at, r.state, r.verified, r.chat_id, r.chat_type, r.chat_name, r.message_id, \
    r.epoch, r.message_at, r.sender_id, s.username, r.reporter_id, w.username, r.reason, r.note, \
    r.handled_by, r.handled_at";

/// How many columns that is.
const COLUMN_COUNT: usize = 18;

/// Reports with the names of the two people, while there are any.
const ROWS: &str =
    "report r LEFT JOIN user s ON s.id = r.sender_id LEFT JOIN user w ON w.id = r.reporter_id";

fn from_row(row: &Row<'_>) -> rusqlite::Result<ReportRow> {
    Ok(ReportRow {
        id: row.get(0)?,
        at: row.get(1)?,
        state: row.get(2)?,
        verified: row.get(3)?,
        chat_id: row.get(4)?,
        chat_type: row.get(5)?,
        chat_name: row.get(6)?,
        message_id: row.get(7)?,
        epoch: row.get(8)?,
        message_at: row.get(9)?,
        sender_id: row.get(10)?,
        sender_username: row.get(11)?,
        reporter_id: row.get(12)?,
        reporter_username: row.get(13)?,
        reason: row.get(14)?,
        note: row.get(15)?,
        handled_by: row.get(16)?,
        handled_at: row.get(17)?,
    })
}

/// Lists reports, newest first; for admins and above. What the messages say is not in the list.
///
/// `ERR_UNAUTHENTICATED`, `ERR_STRANGER_FORBIDDEN`, `ERR_FORBIDDEN`, `ERR_INVALID`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Only those in this state.
    pub state: Option<ReportState>,
    /// Only those of this chat's messages.
    pub chat_id: Option<ChatId>,
    /// Only those of this person's messages.
    pub user_id: Option<UserId>,
    /// Only those that this person made.
    pub reporter_id: Option<UserId>,
    /// Only reports before this one; from the last page's end.
    pub before: Option<ReportId>,
    /// At most this many, 1 to 200; default 50.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// A page of reports.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportPage {
    /// Newest first.
    pub rows: Vec<ReportRow>,
}

impl Query for List {
    const NAME: &'static str = "report.list";
    type Reply = ReportPage;

    fn answer(self, view: &View<'_>) -> Result<ReportPage> {
        on_platform(PlatformAction::Reports, &view.actor)?;
        let limit = crate::ops::page_size(self.limit, 50, 200)?;
        // Each choice of filters is a statement of its own, so that each finds its rows by an index.
        let filters = [
            (self.state.is_some(), " AND r.state = ?2"),
            (self.chat_id.is_some(), " AND r.chat_id = ?3"),
            (self.user_id.is_some(), " AND r.sender_id = ?4"),
            (self.reporter_id.is_some(), " AND r.reporter_id = ?5"),
        ];
        let asked = filters.iter().filter(|(is_asked, _)| *is_asked);
        let filters: String = asked.map(|(_, sql)| *sql).collect();
        let rows = store::all(
            view.db,
            &format!(
                "SELECT {COLUMNS} FROM {ROWS} WHERE r.id < ?1{filters} ORDER BY r.id DESC LIMIT ?6"
            ),
            (
                self.before.map_or(MAX_ID + 1, ReportId::get),
                self.state,
                self.chat_id,
                self.user_id,
                self.reporter_id,
                i64::try_from(limit).unwrap_or(i64::MAX),
            ),
            from_row,
        )?;
        Ok(ReportPage { rows })
    }
}

/// Shows a report, with what the message says if that was proven; for admins and above.
///
/// `ERR_UNAUTHENTICATED`, `ERR_STRANGER_FORBIDDEN`, `ERR_FORBIDDEN`, `ERR_REPORT_NOT_FOUND`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Get {
    /// Which.
    pub report_id: ReportId,
}

/// A report with everything there is to it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// What the list shows.
    #[serde(flatten)]
    pub row: ReportRow,
    /// What the message says, as its readers saw it; null if the reporter proved nothing.
    pub plaintext: Option<String>,
}

impl Query for Get {
    const NAME: &'static str = "report.get";
    type Reply = Report;

    fn answer(self, view: &View<'_>) -> Result<Report> {
        on_platform(PlatformAction::Reports, &view.actor)?;
        store::first(
            view.db,
            &format!("SELECT {COLUMNS}, r.plaintext FROM {ROWS} WHERE r.id = ?"),
            [self.report_id],
            |row| {
                Ok(Report {
                    row: from_row(row)?,
                    plaintext: row.get(COLUMN_COUNT)?,
                })
            },
        )?
        .ok_or_else(|| ErrorKind::ReportNotFound.into())
    }
}

/// A report, without the words of the message, while it is kept.
pub(super) fn find(db: &Connection, report: ReportId) -> Result<Option<ReportRow>> {
    store::first(
        db,
        &format!("SELECT {COLUMNS} FROM {ROWS} WHERE r.id = ?"),
        [report],
        from_row,
    )
}
