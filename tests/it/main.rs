//! End-to-end stories and tidy checks.
