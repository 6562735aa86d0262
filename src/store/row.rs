//! A row of either database, read by column name.

use super::StoreError;
use crate::moment::Moment;
use sqlx::Row as _;
use sqlx::any::{Any, AnyArguments, AnyRow};

/// A statement with its bound values.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Any, AnyArguments>;

/// A row. Every reader names the column; what does not fit is [`StoreError::Corrupt`].
pub struct Row(pub(super) AnyRow);

impl Row {
    /// TEXT.
    pub fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.0.try_get(column).map_err(|_| StoreError::Corrupt(column))
    }

    /// TEXT or NULL.
    pub fn text_or_null(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.0.try_get(column).map_err(|_| StoreError::Corrupt(column))
    }

    /// BIGINT.
    pub fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.0.try_get(column).map_err(|_| StoreError::Corrupt(column))
    }

    /// BIGINT or NULL.
    pub fn int_or_null(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.0.try_get(column).map_err(|_| StoreError::Corrupt(column))
    }

    /// A flag: BIGINT 0 or 1.
    pub fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    /// BYTEA.
    pub fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.0.try_get(column).map_err(|_| StoreError::Corrupt(column))
    }

    /// BYTEA or NULL.
    pub fn bytes_or_null(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.try_get(column).map_err(|_| StoreError::Corrupt(column))
    }

    /// Unix milliseconds.
    pub fn moment(&self, column: &'static str) -> Result<Moment, StoreError> {
        self.int(column).map(Moment::from_millis)
    }

    /// Unix milliseconds or NULL.
    pub fn moment_or_null(&self, column: &'static str) -> Result<Option<Moment>, StoreError> {
        Ok(self.int_or_null(column)?.map(Moment::from_millis))
    }

    /// TEXT that parses: an identifier, a number, a state.
    pub fn parse<T: std::str::FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| StoreError::Corrupt(column))
    }

    /// TEXT that parses, or NULL.
    pub fn parse_or_null<T: std::str::FromStr>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.text_or_null(column)?.map(|text| text.parse().map_err(|_| StoreError::Corrupt(column))).transpose()
    }

    /// TEXT that is JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|_| StoreError::Corrupt(column))
    }
}
