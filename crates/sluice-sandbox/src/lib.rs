//! Runs one untrusted command on one snapshot and always cleans up.
