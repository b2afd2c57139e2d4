//! Tests of the request that an agent gets.
