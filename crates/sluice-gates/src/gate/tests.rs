//! The gates and their names.

use super::Gate;

#[test]
fn names_and_order() {
    for (number, gate) in Gate::ALL.into_iter().enumerate() {
        let name = format!("g{number}");
        assert_eq!(gate.as_str(), name);
        assert_eq!(name.parse(), Ok(gate));
        assert_eq!(serde_json::to_string(&gate).unwrap(), format!("{name:?}"));
        assert_eq!(gate.next(), Gate::ALL.get(number + 1).copied());
        assert_eq!(
            gate.next().and_then(Gate::previous),
            gate.next().map(|_| gate)
        );
    }
    assert_eq!((Gate::G0.previous(), Gate::G9.next()), (None, None));
}

#[test]
fn what_is_no_gate_is_refused() {
    for text in ["", "g", "G5", "g10", "g-1", " g5", "g5 ", "5", "g٥"] {
        let said = text.parse::<Gate>().unwrap_err().to_string();
        assert_eq!(said, format!("{text:?} is not a gate; gates are g0 to g9"));
    }
}
