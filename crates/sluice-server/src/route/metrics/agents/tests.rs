//! Labels are bounded and quoted.

use sluice_factory::view::{AgentCost, AgentUsage};

use super::*;

fn usage(model: &str) -> AgentUsage {
    AgentUsage {
        role: "backend".to_owned(),
        agent: "local".to_owned(),
        model: Some(model.to_owned()),
        gate: "g5".to_owned(),
        calls: 3,
        replied: 2,
        cut: 0,
        refused: 0,
        failed: 1,
        tries: 5,
        attempts: 2,
        passed: 1,
        input_tokens: 10,
        output_tokens: 20,
        cached_tokens: 4,
        costs: vec![AgentCost {
            amount: 0.25,
            currency: "USD".to_owned(),
        }],
        unpriced_calls: 1,
        millis: 1500,
        longest_millis: 900,
    }
}

#[test]
fn every_number_has_its_labels() {
    let all = metrics(&[usage("a \"b\\c\nd")]);
    let head = r#"{role="backend",agent="local",model="a \"b\\c\nd",gate="g5""#;
    let value = |name: &str, labels: &str| {
        let metric = all.iter().find(|metric| metric.name == name);
        let values = &metric.expect("the metric").values;
        let wanted = format!("{head}{labels}}}");
        let found = values.iter().find(|(labels, _)| *labels == wanted);
        found.expect("the labels").1.clone()
    };
    assert_eq!(
        value("sluice_agent_calls_total", ",outcome=\"failed\""),
        "1"
    );
    assert_eq!(value("sluice_agent_tries_total", ""), "5");
    assert_eq!(value("sluice_agent_tokens_total", ",kind=\"cached\""), "4");
    assert_eq!(
        value("sluice_agent_cost_total", ",currency=\"USD\""),
        "0.25"
    );
    assert_eq!(value("sluice_agent_call_seconds_total", ""), "1.5");
    assert_eq!(
        value("sluice_agent_attempts_total", ",result=\"failed\""),
        "1"
    );
}

#[test]
fn there_are_only_so_many_series() {
    let many: Vec<_> = (0..1000).map(|n| usage(&n.to_string())).collect();
    let all = metrics(&many);
    assert!(all.iter().all(|metric| metric.values.len() <= 4 * GROUPS));
}
