//! Knows toolchains: what to run, how to read what it wrote, what makes two runs the same.
