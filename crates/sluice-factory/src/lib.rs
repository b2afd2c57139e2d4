//! Drives runs: load, act, apply, commit, repeat; recovers after a crash.
