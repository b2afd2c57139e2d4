//! Makes, signs and verifies statements. Pure.
