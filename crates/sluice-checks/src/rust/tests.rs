//! Plans of projects.
