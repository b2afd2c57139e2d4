//! What agents were asked, as metrics.

use sluice_factory::view::AgentUsage;

use super::Metric;

/// The most groups of role, agent, model and gate that have series of their own. The names are those of the
/// configuration and of the roles' files, never what a server says of itself.
const GROUPS: usize = 200;

/// What one group adds to a metric: a label of its own, that label's word, the value.
type Part = (&'static str, String, String);

/// The metrics of all calls.
pub(super) fn metrics(usage: &[AgentUsage]) -> Vec<Metric> {
    let usage = &usage[..usage.len().min(GROUPS)];
    let by = |parts: &dyn Fn(&AgentUsage) -> Vec<Part>| {
        let mut values = Vec::new();
        for one in usage {
            for (label, word, value) in parts(one) {
                values.push((labels(one, label, &word), value));
            }
        }
        values
    };
    let words = |label: &'static str, parts: &[(&str, u64)]| {
        let parts = parts.iter();
        parts
            .map(|(word, value)| (label, (*word).to_owned(), value.to_string()))
            .collect::<Vec<_>>()
    };
    let metric = |name, kind, help, values| Metric {
        name,
        kind,
        help,
        values,
    };
    vec![
        metric(
            "sluice_agent_calls_total",
            "counter",
            "Calls of agents by how they ended.",
            by(&|one| {
                let ends = [
                    ("replied", one.replied),
                    ("cut", one.cut),
                    ("refused", one.refused),
                    ("failed", one.failed),
                ];
                words("outcome", &ends)
            }),
        ),
        metric(
            "sluice_agent_tries_total",
            "counter",
            "Requests that calls of agents took, repeats among them.",
            by(&|one| words("", &[("", one.tries)])),
        ),
        metric(
            "sluice_agent_tokens_total",
            "counter",
            "Tokens that servers named; cached ones are among the input.",
            by(&|one| {
                let kinds = [
                    ("input", one.input_tokens),
                    ("cached", one.cached_tokens),
                    ("output", one.output_tokens),
                ];
                words("kind", &kinds)
            }),
        ),
        metric(
            "sluice_agent_cost_total",
            "counter",
            "What calls cost, as far as prices and tokens are known.",
            by(&|one| {
                let costs = one.costs.iter();
                costs
                    .map(|cost| ("currency", cost.currency.clone(), cost.amount.to_string()))
                    .collect()
            }),
        ),
        metric(
            "sluice_agent_unpriced_calls_total",
            "counter",
            "Calls whose cost is not known.",
            by(&|one| words("", &[("", one.unpriced_calls)])),
        ),
        metric(
            "sluice_agent_call_seconds_total",
            "counter",
            "Seconds that calls took.",
            by(&|one| vec![("", String::new(), (one.millis as f64 / 1e3).to_string())]),
        ),
        metric(
            "sluice_agent_attempts_total",
            "counter",
            "Attempts that came of calls, by what checks said.",
            by(&|one| {
                let failed = one.attempts - one.passed;
                words("result", &[("passed", one.passed), ("failed", failed)])
            }),
        ),
    ]
}

fn labels(one: &AgentUsage, label: &str, word: &str) -> String {
    let model = one.model.as_deref().unwrap_or_default();
    let mut text = format!(
        "{{role=\"{}\",agent=\"{}\",model=\"{}\",gate=\"{}\"",
        escaped(&one.role),
        escaped(&one.agent),
        escaped(model),
        escaped(&one.gate)
    );
    if !label.is_empty() {
        text.push_str(&format!(",{label}=\"{}\"", escaped(word)));
    }
    text.push('}');
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
