//! The native engine's helper, for the tests of this package; `sluice sandbox-init` is the same.

fn main() {
    sluice_sandbox::init_main()
}
