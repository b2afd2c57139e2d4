//! The native engine's helper as a program of its own, for tests; `sluice sandbox-init` is the same.

fn main() {
    sluice_sandbox::init_main()
}
