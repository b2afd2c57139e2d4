//! Leaves in a plan what was asked for.

use crate::{CheckError, Kind, Plan, Step};

/// Leaves in the plan what was asked for.
pub(super) fn select(plan: &mut Plan, only: Option<&[String]>) -> Result<(), CheckError> {
    let mut known: Vec<String> = ["install", "build", "test", "lint", "audit", "smoke"]
        .map(str::to_owned)
        .to_vec();
    known.extend(plan.projects.iter().flat_map(|p| {
        p.steps
            .iter()
            .chain([&p.install])
            .map(|step| step.name.clone())
    }));
    if let Some(name) = only
        .into_iter()
        .flatten()
        .find(|name| !known.contains(name))
    {
        known.sort();
        known.dedup();
        return Err(CheckError::UnknownCheck {
            name: name.clone(),
            known: known.join(", "),
        });
    }
    let wanted = |step: &Step| match only {
        None => step.kind != Kind::Smoke,
        Some(names) => names
            .iter()
            .any(|name| *name == step.name || name == step.kind.as_str()),
    };
    for project in &mut plan.projects {
        project.steps.retain(wanted);
    }
    plan.projects
        .retain(|project| !project.steps.is_empty() || wanted(&project.install));
    Ok(())
}
