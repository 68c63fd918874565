//! How model types go into rows and come out of them: through their own checked constructors, so that
//! a row that breaks a rule is an error and not a value.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::model::{
    ActivityId, AuditId, BlobId, BotId, BotName, BrowserEnd, BrowserState, ChatId, ChatName,
    ChatType, ClientId, CountryCode, Description, Interest, Interests, InviteCode, Label,
    MessageId, Note, Platform, PlatformIdentity, Reason, ReportId, ReportState, Role, RunId, Seq,
    SessionId, SignupCode, Slug, Tier, Timestamp, UserId, Username,
};

fn refused(why: String) -> FromSqlError {
    FromSqlError::Other(why.into())
}

macro_rules! integers {
    ($($name:ty)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> { Ok(i64::from(*self).into()) }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::try_from(value.as_i64()?).map_err(refused)
            }
        }
    )*};
}

integers! { UserId SessionId ChatId MessageId Seq AuditId ActivityId BlobId BotId ReportId }

macro_rules! texts {
    ($($name:ty)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> { Ok(self.as_str().into()) }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::try_from(value.as_str()?.to_owned()).map_err(refused)
            }
        }
    )*};
}

texts! { Username ChatName Description Label Slug InviteCode Reason Note ClientId SignupCode CountryCode Platform
PlatformIdentity BotName RunId }

macro_rules! ranks {
    ($($name:ty)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> { Ok((*self as i64).into()) }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::try_from(value.as_i64()?).map_err(refused)
            }
        }
    )*};
}

ranks! { Role Tier }

macro_rules! spelled {
    ($($name:ty)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> { Ok(self.as_str().into()) }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::try_from(value.as_str()?).map_err(refused)
            }
        }
    )*};
}

spelled! { ChatType ReportState BrowserState BrowserEnd }

/// A JSON list of words.
impl ToSql for Interests {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let words: Vec<_> = self.iter().map(Interest::as_str).collect();
        let list = serde_json::to_string(&words)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok(list.into())
    }
}

impl FromSql for Interests {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let words: Vec<String> =
            serde_json::from_str(value.as_str()?).map_err(|error| refused(error.to_string()))?;
        Self::parse(&words).map_err(|bad| refused(bad.why))
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_millis().into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Timestamp::from_millis)
    }
}

/// Enums that a row keeps as a word.
macro_rules! words {
    ($type:ident { $($variant:ident $word:literal),* }) => {
        impl rusqlite::types::ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(match self { $(Self::$variant => $word),* }.into())
            }
        }

        impl rusqlite::types::FromSql for $type {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                match value.as_str()? {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(rusqlite::types::FromSqlError::InvalidType),
                }
            }
        }
    };
}
pub(crate) use words;
