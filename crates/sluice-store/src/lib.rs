//! Remembers runs, journal, leases, tokens, on SQLite or PostgreSQL.
