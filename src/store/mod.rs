//! SQLite and PostgreSQL behind two verbs.
