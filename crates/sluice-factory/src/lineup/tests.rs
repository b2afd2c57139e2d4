//! Who is asked where.

use async_trait::async_trait;
use sluice_agents::{AgentError, Answer, Hear, Request};
use tokio_util::sync::CancellationToken;

use super::*;

struct Model(&'static str);

#[async_trait]
impl Agent for Model {
    fn name(&self) -> &str {
        self.0
    }

    fn model(&self) -> Option<&str> {
        Some("own")
    }

    async fn ask(
        &self,
        _: &Request,
        _: &dyn Hear,
        _: &CancellationToken,
    ) -> Result<Answer, AgentError> {
        Ok(Answer::NotYet)
    }
}

fn table(names: &[(&'static str, bool)]) -> AgentTable {
    let by_name = names.iter().map(|(name, is_everywhere)| {
        let named = Named {
            agent: Arc::new(Model(name)),
            is_everywhere: *is_everywhere,
            fallback: Vec::new(),
            money_nanos: None,
        };
        ((*name).to_owned(), named)
    });
    AgentTable {
        by_name: by_name.collect(),
        ..AgentTable::default()
    }
}

fn role(models: &[&str]) -> RoleHead {
    RoleHead {
        role: "backend".to_owned(),
        models: models.iter().map(|one| (*one).to_owned()).collect(),
        ..RoleHead::default()
    }
}

fn called(lineup: Vec<Place>) -> Vec<String> {
    let words = lineup.into_iter();
    words
        .map(|place| place.map_or_else(|why| why, |seat| seat.called()))
        .collect()
}

#[test]
fn the_closest_one_is_asked() {
    let at = |table: &AgentTable| called(table.lineup(Gate::G5, "backend", Some(&role(&[]))));
    assert_eq!(at(&AgentTable::default()), ["outside"]);
    let mut agents = table(&[("any", true), ("backend", false), ("zed", true)]);
    assert_eq!(at(&agents), ["any/own"]);
    agents = table(&[("any", true), ("backend", true)]);
    assert_eq!(at(&agents), ["backend/own"]);
    let named = Arc::clone(&agents.by_name["any"].agent);
    agents.by_gate.insert(Gate::G5, named);
    assert_eq!(at(&agents), ["any/own"]);
    agents.by_name.get_mut("any").unwrap().fallback = vec!["backend/big/one".to_owned()];
    assert_eq!(at(&agents), ["any/own", "backend/big/one"]);
    let own = role(&["backend", "nobody/x", "any/"]);
    assert_eq!(
        called(agents.lineup(Gate::G5, "backend", Some(&own))),
        [
            "backend/own",
            "the file of the role backend names the agent \"nobody\", which is not set up; write [agents.nobody] into sluice.toml",
            "any/own"
        ]
    );
}

#[test]
fn a_strategy_begins_further_on_and_leaves_nobody_out() {
    let order = |count: usize, strategy| order((0..count).collect(), strategy);
    assert_eq!(order(3, Strategy::Normal), [0, 1, 2]);
    assert_eq!(order(3, Strategy::WholeFiles), [0, 1, 2]);
    assert_eq!(order(3, Strategy::NextModel), [1, 2, 0]);
    assert_eq!(order(3, Strategy::WiderContext), [2, 0, 1]);
    assert_eq!(order(2, Strategy::WiderContext), [1, 0]);
    assert_eq!(order(1, Strategy::NextModel), [0]);
}
