//! What proc(5) writes.

use super::{cpu, metrics, most, resident};

#[test]
fn what_the_kernel_says_is_read() {
    assert_eq!(
        resident("Name:\tx\nVmRSS:\t   28416 kB\nThreads:\t3\n"),
        Some(28_416 * 1024)
    );
    let stat = "7 (a ) (b) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 3 0 100 1 1";
    assert_eq!(cpu(stat), Some(3.0));
    let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
    assert_eq!(most(limits), Some(1024));
    for nothing in [
        "",
        "VmRSS:\t many kB",
        "7 (a) S",
        "Max open files unlimited",
    ] {
        assert_eq!(resident(nothing), None);
        assert_eq!(cpu(nothing), None);
        assert_eq!(most(nothing), None);
    }
}

#[test]
fn this_process_has_them_all() {
    let all = metrics();
    assert_eq!(all.len(), 4);
    let memory: f64 = all[0].values[0].1.parse().unwrap();
    assert!(memory > 1e6, "{memory}");
}
