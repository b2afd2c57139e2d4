//! in-toto Statements v1 about a gate's subject: what was tested, how it was made, what was decided.

mod decision;
mod form;
mod provenance;
mod test_result;
mod vulns;

pub use decision::{
    Attempt, Decision, DecisionKind, Document, EscalationAnswer, Previous, SentBack, Waiver, Who,
    WhoKind,
};
pub use form::{
    DigestSet, GATE_DECISION, PAYLOAD_TYPE, PROVENANCE, ResourceDescriptor, STATEMENT_TYPE,
    Statement, TEST_RESULT, VULNS,
};
pub use provenance::{Provenance, SlsaProvenance, provenance};
pub use test_result::{CheckRun, TestCounts, TestResult, Verdict, test_result};
pub use vulns::{Scan, Severity, Vulnerability, Vulns, vulns};

#[cfg(test)]
mod tests;
