//! What the typed calls share: an operation made of parameters that C gives one by one.
//!
//! An operation that changes something reads itself from them with the code by which it reads itself from JSON. A query
//! takes less time than that shows in, so its fields are filled in; what does not fit is read in the other way. Either way
//! the names of the fields, the rules and the errors are those of `portal_call`; no rule lives here. Why:
//! `docs/decisions/c-typed-calls.md`.

use std::sync::Arc;

use portal_core::operation::{Operation, Query};
use portal_core::{Actor, Error, ErrorKind, Result, catalogue};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, Serializer as _, forward_to_deserialize_any};
use serde_json::Value;

use crate::actor::{self, Caller};
use crate::buf::Buf;
use crate::handle::{self, Gate, Handle};

/// Somebody's call, before it is said what is called.
pub(crate) struct Call<'a> {
    gate: &'a Arc<Gate>,
    actor: Actor,
}

impl Call<'_> {
    /// Whose it is, at which handle.
    ///
    /// # Safety
    /// As for `portal_call`: a live handle, and an actor whose texts can be read.
    #[inline(always)]
    pub(crate) unsafe fn new(handle: *mut Handle, actor: *const Caller) -> Result<Self> {
        // SAFETY: as the caller says.
        let (gate, actor) = unsafe { (handle::gate(handle)?, actor::actor(actor)?) };
        Ok(Self { gate, actor })
    }

    /// Calls what changes something.
    pub(crate) fn change<O: Operation>(&self, fields: &[Field<'_>]) -> Result<O::Reply> {
        let portal = self.gate.enter()?;
        let reply = portal.call(&self.actor, read::<O>(fields)?);
        portal.told(O::NAME, reply)
    }

    /// Calls what only reads, and answers the document that `portal_call` would.
    #[inline(always)]
    pub(crate) fn ask<Q: Query>(&self, query: impl FnOnce() -> Result<Q>) -> Result<Buf> {
        let portal = self.gate.enter()?;
        match portal.query(&self.actor, query()?) {
            // Written from where it lies: a reply is large.
            Ok(ref reply) => Buf::document(reply),
            Err(error) => portal.told(Q::NAME, Err(error)),
        }
    }
}

/// A parameter by its name.
pub(crate) type Field<'a> = (&'a str, Param<'a>);

/// A parameter.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub(crate) enum Param<'a> {
    /// Left out.
    Nothing,
    Number(i64),
    Text(&'a str),
    Numbers(&'a [i64]),
    Texts(&'a [&'a str]),
    Json(&'a Value),
}

/// Parameters under the names of what they are in: `fields![chat_id, limit: given(limit)]`.
macro_rules! fields {
    ($($name:ident $(: $value:expr)?),* $(,)?) => {
        &[$((stringify!($name), crate::typed::fields!(@ $name $(, $value)?))),*]
    };
    (@ $name:ident) => { crate::typed::Param::from($name) };
    (@ $name:ident, $value:expr) => { crate::typed::Param::from($value) };
}
pub(crate) use fields;

/// What makes a query of parameters: `query!(messages::History { chat_id, limit: given(limit) })`.
macro_rules! query {
    ($($query:ident)::+ { $($name:ident $(: $value:expr)?),* $(,)? }) => {
        || {
            let filled_in = (|| Some($($query)::+ {
                $($name: crate::typed::FillIn::fill_in(crate::typed::query!(@ $name $(, $value)?))?),*
            }))();
            filled_in.map_or_else(
                || crate::typed::read_again(crate::typed::fields![$($name $(: $value)?),*]),
                Ok,
            )
        }
    };
    (@ $name:ident) => { $name };
    (@ $name:ident, $value:expr) => { $value };
}
pub(crate) use query;

/// A parameter that can be a field of a query.
pub(crate) trait FillIn<T> {
    /// The field; None if it does not fit.
    fn fill_in(self) -> Option<T>;
}

impl<T: TryFrom<i64>> FillIn<T> for i64 {
    #[inline(always)]
    fn fill_in(self) -> Option<T> {
        T::try_from(self).ok()
    }
}

impl FillIn<u16> for u32 {
    #[inline(always)]
    fn fill_in(self) -> Option<u16> {
        self.try_into().ok()
    }
}

impl<T: TryFrom<String>> FillIn<T> for &str {
    fn fill_in(self) -> Option<T> {
        T::try_from(self.to_owned()).ok()
    }
}

impl<P: FillIn<T>, T> FillIn<Option<T>> for Option<P> {
    #[inline(always)]
    fn fill_in(self) -> Option<Option<T>> {
        match self {
            Some(given) => given.fill_in().map(Some),
            None => Some(None),
        }
    }
}

/// An operation of these parameters; the error names the first field that is wrong.
fn read<T: serde::de::DeserializeOwned>(fields: &[Field<'_>]) -> Result<T> {
    T::deserialize(MapDeserializer::new(fields.iter().copied()))
        .or_else(|_: serde_json::Error| read_again(fields))
}

/// Only reading a document tells which field it was. In the order of the parameters, for the first is named.
#[cold]
pub(crate) fn read_again<T: serde::de::DeserializeOwned>(fields: &[Field<'_>]) -> Result<T> {
    let mut document = Vec::new();
    serde_json::Serializer::new(&mut document)
        .collect_map(fields.iter().copied())
        .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))?;
    catalogue::parse(&String::from_utf8_lossy(&document))
}

impl From<i64> for Param<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Param<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [i64]> for Param<'a> {
    fn from(numbers: &'a [i64]) -> Self {
        Self::Numbers(numbers)
    }
}

impl<'a> From<&'a Vec<&'a str>> for Param<'a> {
    fn from(texts: &'a Vec<&'a str>) -> Self {
        Self::Texts(texts)
    }
}

impl<'a> From<&'a Value> for Param<'a> {
    fn from(value: &'a Value) -> Self {
        Self::Json(value)
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for Param<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Param<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Nothing => visitor.visit_unit(),
            Self::Number(number) => visitor.visit_i64(number),
            Self::Text(text) => visitor.visit_borrowed_str(text),
            Self::Numbers(numbers) => {
                visitor.visit_seq(SeqDeserializer::new(numbers.iter().copied()))
            }
            Self::Texts(texts) => visitor.visit_seq(SeqDeserializer::new(texts.iter().copied())),
            Self::Json(value) => value.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Nothing | Self::Json(Value::Null) => visitor.visit_none(),
            given => visitor.visit_some(given),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Self::Text(text) => visitor.visit_enum(text.into_deserializer()),
            Self::Json(value) => value.deserialize_enum(name, variants, visitor),
            other => other.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// A number that is left out as 0.
pub(crate) fn given<T: Default + PartialEq>(number: T) -> Option<T> {
    (number != T::default()).then_some(number)
}

/// A parameter that is a JSON text.
pub(crate) fn parsed(text: &str, parameter: &'static str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| Error::invalid(parameter, format!("`{parameter}` is not JSON: {error}.")))
}
