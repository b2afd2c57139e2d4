//! Tests of the loop's own parts.

use super::*;

#[test]
fn a_refused_claim_gives_nothing_back() {
    let all = Mutex::default();
    let first = Busy::claim(&all, "run".to_owned());
    assert!(first.is_some());
    assert!(Busy::claim(&all, "run".to_owned()).is_none());
    assert!(
        Busy::claim(&all, "run".to_owned()).is_none(),
        "the first claim still stands"
    );
    drop(first);
    assert!(Busy::claim(&all, "run".to_owned()).is_some());
}
