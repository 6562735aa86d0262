//! Refresh, renew, reconcile, deliver.
