//! The gates together: none skipped, each on the one before it, HEAD on the last.

use super::decided::{Chain, Decided};
use super::report::{GateReport, HeadReport, Report, SignerReport, TrustSource};
use super::repository::{Commits, Expected, Repository};
use crate::audit::{self, AuditAnchor};
use crate::dsse::{Envelope, Verified};
use crate::entry::{LAYOUT, LINKS};
use crate::layout::{read_link, read_steps};
use crate::signers::Signers;
use std::collections::HashSet;

pub(super) fn report(
    repository: &Repository<'_>,
    expected: &[Expected],
    chains: Vec<Chain<'_>>,
    signers: &Signers,
    trust: TrustSource,
) -> Report {
    let mut gates: Vec<GateReport> = expected
        .iter()
        .zip(&chains)
        .map(|(gate, chain)| facts(gate, chain))
        .collect();
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    if trust == TrustSource::FirstSigner {
        notes.push("no signers were named, so the key of the oldest proof was taken: whoever rewrote everything would pass".into());
    }
    for chain in repository
        .gates
        .iter()
        .filter(|chain| !expected.iter().any(|gate| gate.gate == chain.gate))
    {
        problems.push(format!("refs/gates/{} belongs to no gate", chain.gate));
    }
    let project = one_project(&chains, &mut problems);

    for (index, chain) in chains.iter().enumerate() {
        for decided in &chain.entries {
            match lineage(&chains, expected, index, decided) {
                Ok(path) if decided.decision.decision.passes() => {
                    gates[index]
                        .problems
                        .extend(supply_chain(decided, &path, signers).err());
                }
                Ok(_) => {}
                Err(problem) => gates[index].problems.push(problem),
            }
        }
    }

    let sent_back: HashSet<&str> = chains
        .iter()
        .flat_map(|chain| &chain.entries)
        .filter_map(|decided| decided.decision.sent_back.as_ref())
        .flat_map(|back| back.reopens.iter().map(|one| one.sha256.as_str()))
        .collect();
    let mut last: Option<(&str, &Decided<'_>)> = None;
    let mut missing = Vec::new();
    let mut unpassed: Option<&str> = None;
    let mut broken = false;
    for (index, (gate, chain)) in expected.iter().zip(&chains).enumerate() {
        let standing = standing(chain);
        gates[index]
            .problems
            .extend(tag(repository, gate, standing, &mut notes));
        let Some(standing) = standing else {
            missing.push(gate.gate.clone());
            unpassed = unpassed.or((!broken).then_some(gate.gate.as_str()));
            continue;
        };
        if let Some(skipped) = unpassed.filter(|_| !broken) {
            gates[index]
                .problems
                .push(format!("it was passed, but {skipped} before it was not"));
        }
        let points_at = standing
            .decision
            .previous
            .as_ref()
            .map(|previous| &previous.sha256);
        if broken || (points_at != last.map(|(_, before)| &before.digest) && last.is_some()) {
            broken = true;
            gates[index].reopened = gates[index].problems.is_empty();
            missing.push(gate.gate.clone());
            continue;
        }
        if let Some((before, decided)) = last
            && !descends(
                repository.commits,
                &decided.subject.commit,
                &standing.subject.commit,
            )
        {
            gates[index].problems.push(format!(
                "its commit is not built on the one that {before} passed"
            ));
        }
        // It passed what it passed, so `main` stays; it is to be passed again.
        if sent_back.contains(standing.digest.as_str()) {
            gates[index].reopened = true;
            missing.push(gate.gate.clone());
        }
        last = Some((&gate.gate, standing));
        if repository
            .head
            .as_ref()
            .is_some_and(|head| head.tree == standing.subject.tree)
        {
            gates[index].covers_head = true;
        }
    }
    match (&repository.head, last) {
        (_, None) => problems.push("no gate has a proof that lets anything pass".into()),
        (None, Some(_)) => problems.push("there are proofs, but HEAD has no commit".into()),
        (Some(head), Some((gate, decided))) if head.tree != decided.subject.tree => {
            problems.push(format!(
                "HEAD is not what {gate} passed: its tree is {}, the proof is for {}",
                head.tree, decided.subject.tree
            ))
        }
        (Some(head), Some((gate, decided))) if head.commit != decided.subject.commit => {
            notes.push(format!(
                "HEAD has the tree that {gate} passed, in another commit"
            ));
        }
        _ => {}
    }
    let head = repository.head.as_ref().map(|head| HeadReport {
        commit: head.commit.clone(),
        tree: head.tree.clone(),
        covered_by: gates
            .iter()
            .filter(|gate| gate.covers_head)
            .map(|gate| gate.gate.clone())
            .collect(),
        missing,
    });
    let warnings = expired(repository, &chains, expected);
    let audit = repository.audit.as_deref().map(|rows| {
        let audit = audit::check(rows, &anchors(&chains));
        problems.extend(audit.problems.iter().cloned());
        notes.extend(audit.notes.iter().cloned());
        audit
    });
    Report {
        verified: problems.is_empty() && gates.iter().all(|gate| gate.problems.is_empty()),
        project,
        trust,
        signers: signers
            .all()
            .iter()
            .map(|signer| SignerReport {
                name: signer.name.clone(),
                fingerprint: signer.key.fingerprint(),
                keyid: signer.key.keyid(),
            })
            .collect(),
        gates,
        head,
        problems,
        audit,
        warnings,
        notes,
    }
}

/// The waivers that stand and are past their end.
fn expired(
    repository: &Repository<'_>,
    chains: &[Chain<'_>],
    expected: &[Expected],
) -> Vec<String> {
    let Some(now) = repository.now.as_deref() else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    for (gate, chain) in expected.iter().zip(chains) {
        let waivers = standing(chain).map_or(&[][..], |decided| &decided.decision.waivers);
        for waiver in waivers {
            let (what, until) = (&waiver.what, waiver.until.as_deref().unwrap_or_default());
            match waiver.is_expired(now) {
                Some(false) => {}
                Some(true) => warnings.push(format!(
                    "{}: the waiver of {what} expired on {until}",
                    gate.gate
                )),
                None => warnings.push(format!(
                    "{}: the waiver of {what} ends at {until:?}, which is no date",
                    gate.gate
                )),
            }
        }
    }
    warnings
}

/// The audit rows that decisions name, with the words for the decision.
fn anchors(chains: &[Chain<'_>]) -> Vec<(String, AuditAnchor)> {
    let all = chains.iter().flat_map(|chain| &chain.entries);
    all.filter_map(|decided| {
        let decision = &decided.decision;
        let name = format!("the {} decision of run {}", decision.gate, decision.run);
        Some((name, decision.audit.clone()?))
    })
    .collect()
}

/// What the last decision says, and what was found wrong in the chain.
fn facts(gate: &Expected, chain: &Chain<'_>) -> GateReport {
    let mut report = GateReport {
        gate: gate.gate.clone(),
        decisions: chain.entries.len(),
        problems: chain.problems.clone(),
        ..GateReport::default()
    };
    if let Some(last) = chain.entries.last() {
        report.decision = Some(last.decision.decision);
        report.subject = Some(last.subject.clone());
        report.by = Some(last.decision.who.name.clone());
        report.role = Some(last.decision.who.role.clone());
        report.at = Some(last.decision.at.clone());
        report.digest = Some(last.digest.clone());
        report.evidence = last.evidence.clone();
        report.waivers = last.decision.waivers.clone();
    }
    report
}

fn standing<'c, 'a>(chain: &'c Chain<'a>) -> Option<&'c Decided<'a>> {
    chain
        .entries
        .iter()
        .rev()
        .find(|decided| decided.decision.decision.passes())
}

fn one_project(chains: &[Chain<'_>], problems: &mut Vec<String>) -> Option<String> {
    let mut projects = chains
        .iter()
        .flat_map(|chain| &chain.entries)
        .map(|decided| &decided.decision.project);
    let first = projects.next()?;
    if let Some(other) = projects.find(|project| *project != first) {
        problems.push(format!(
            "proofs of two projects are mixed: {first:?} and {other:?}"
        ));
    }
    Some(first.clone())
}

/// The passing decisions from the first gate up to `decided`, found along the `previous` digests.
fn lineage<'c, 'a>(
    chains: &'c [Chain<'a>],
    expected: &[Expected],
    index: usize,
    decided: &'c Decided<'a>,
) -> Result<Vec<&'c Decided<'a>>, String> {
    let mut path = vec![decided];
    let mut at = decided;
    for before in (0..index).rev() {
        let gate = &expected[before].gate;
        let previous = at
            .decision
            .previous
            .as_ref()
            .ok_or_else(|| format!("it names no decision of {gate} before it"))?;
        if previous.gate != *gate {
            return Err(format!(
                "it follows {}, so {gate} was skipped",
                previous.gate
            ));
        }
        at = chains[before]
            .entries
            .iter()
            .find(|candidate| {
                candidate.digest == previous.sha256 && candidate.decision.decision.passes()
            })
            .ok_or_else(|| format!("the decision of {gate} that it follows is not in the chain"))?;
        path.push(at);
    }
    if at.decision.previous.is_some() {
        return Err(format!(
            "{} is the first gate, but it follows another",
            expected[0].gate
        ));
    }
    path.reverse();
    Ok(path)
}

/// The in-toto layout and links say the same as the decisions do.
fn supply_chain(
    decided: &Decided<'_>,
    path: &[&Decided<'_>],
    signers: &Signers,
) -> Result<(), String> {
    let open = |path: &str| -> Result<Verified, String> {
        let bytes = decided
            .files
            .get(path)
            .ok_or_else(|| format!("{path} is missing"))?;
        Envelope::parse_exact(bytes)
            .and_then(|envelope| envelope.verify(signers))
            .map_err(|error| format!("{path}: {error}"))
    };
    let steps: Vec<_> = path
        .iter()
        .filter(|decided| decided.decision.decision.is_step())
        .collect();
    if steps.is_empty() {
        return Ok(());
    }
    let names = read_steps(&open(LAYOUT)?).map_err(|error| error.to_string())?;
    if names
        .iter()
        .ne(steps.iter().map(|step| &step.decision.gate))
    {
        return Err(format!(
            "{LAYOUT} has other gates than were passed: {}",
            names.join(" ")
        ));
    }
    let mut before: Option<&str> = None;
    for step in steps {
        let file = format!(
            "{LINKS}{}.{}.link",
            step.decision.gate,
            decided.keyid.get(..8).unwrap_or_default()
        );
        let link = read_link(&open(&file)?).map_err(|error| error.to_string())?;
        let passed = step.subject.tree.as_str();
        if link.gate != step.decision.gate
            || link.before.as_deref() != before
            || link.passed.as_deref() != Some(passed)
        {
            return Err(format!(
                "{file} does not lead from the tree before the gate to the tree it passed"
            ));
        }
        before = Some(passed);
    }
    Ok(())
}

/// The tag is on the commit that the gate passed.
fn tag(
    repository: &Repository<'_>,
    gate: &Expected,
    standing: Option<&Decided<'_>>,
    notes: &mut Vec<String>,
) -> Option<String> {
    let name = format!("tag gates/{}", gate.gate);
    match (repository.tags.get(&gate.gate), standing) {
        (Some(commit), Some(decided)) if *commit != decided.subject.commit => Some(format!(
            "{name} is on {commit}, but {} was passed",
            decided.subject.commit
        )),
        (Some(_), None) => Some(format!(
            "{name} is there, but no decision lets the gate pass"
        )),
        (None, Some(decided)) if decided.decision.decision.is_step() => {
            notes.push(format!(
                "{name} is missing: fetch the tags to have it checked"
            ));
            None
        }
        _ => None,
    }
}

/// Whether `newer` is `older` or has it among its ancestors.
fn descends(commits: &dyn Commits, older: &str, newer: &str) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![newer.to_owned()];
    while let Some(oid) = open.pop() {
        if oid == older {
            return true;
        }
        if seen.insert(oid.clone())
            && let Some(info) = commits.commit(&oid)
        {
            open.extend(info.parents);
        }
    }
    false
}
