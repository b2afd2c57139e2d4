//! Calls of agents: each with its end, tokens, money and time; and what they come to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    Set, Statement,
};
use uuid::Uuid;

use crate::entity::call;
use crate::error::StoreError;
use crate::event::{NewEvent, append};
use crate::id::RunId;
use crate::row::{Row, free};
use crate::store::{Store, micros};

/// A call that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCall {
    /// The run.
    pub run: RunId,
    /// The attempt that the reply makes.
    pub n: u16,
    /// Which ask of the attempt.
    pub ask: u8,
    /// The gate, `g0` to `g9`.
    pub gate: String,
    /// The role that the agent worked in.
    pub role: String,
    /// The agent.
    pub agent: String,
    /// The model that was asked for, where there is one.
    pub model: Option<String>,
    /// The model that the server says has answered.
    pub served: Option<String>,
    /// `replied`, `cut`, `refused`, `failed`.
    pub outcome: &'static str,
    /// Why there is no reply.
    pub fault: Option<String>,
    /// Tokens of the prompt, where known.
    pub input_tokens: Option<u64>,
    /// Tokens of the reply, where known.
    pub output_tokens: Option<u64>,
    /// Tokens of the prompt that came from a cache, where known.
    pub cached_tokens: Option<u64>,
    /// Billionths of the currency, and the currency, where both price and tokens are known.
    pub cost: Option<(i64, String)>,
    /// How often it was tried.
    pub tries: u32,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// When it ended.
    pub at: Timestamp,
}

/// A call, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The attempt that the reply makes.
    pub n: u16,
    /// Which ask of the attempt.
    pub ask: u8,
    /// The agent.
    pub agent: String,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The model that the server says has answered.
    pub served: Option<String>,
    /// `replied`, `cut`, `refused`, `failed`.
    pub outcome: String,
    /// Why there is no reply.
    pub fault: Option<String>,
    /// Tokens of the prompt.
    pub input_tokens: Option<u64>,
    /// Tokens of the reply.
    pub output_tokens: Option<u64>,
    /// Tokens of the prompt that came from a cache.
    pub cached_tokens: Option<u64>,
    /// Billionths of the currency, and the currency.
    pub cost: Option<(i64, String)>,
    /// How often it was tried.
    pub tries: u32,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// When it ended.
    pub at: Timestamp,
}

/// What the calls of one role, agent, model and gate come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallStatistics {
    /// The role.
    pub role: String,
    /// The agent.
    pub agent: String,
    /// The model; `None` for an agent without one.
    pub model: Option<String>,
    /// The gate.
    pub gate: String,
    /// How many calls ended, by outcome.
    pub calls: BTreeMap<String, u64>,
    /// How often they were tried, all together.
    pub tries: u64,
    /// Tokens of prompts, as far as they are known.
    pub input_tokens: u64,
    /// Tokens of replies, as far as they are known.
    pub output_tokens: u64,
    /// Tokens of prompts that came from a cache.
    pub cached_tokens: u64,
    /// Billionths by currency.
    pub cost_nanos: BTreeMap<String, i64>,
    /// Calls whose cost is not known.
    pub unpriced: u64,
    /// Milliseconds, all together.
    pub millis: u64,
    /// Milliseconds of the longest call.
    pub longest_millis: u64,
    /// Attempts that these calls made and that were decided on by checks or refused.
    pub attempts: u64,
    /// Those of them that were green.
    pub passed: u64,
}

/// What the calls of each group come to. Only the last reply to an attempt makes it, so that each is counted once.
const STATISTICS: &str = "
SELECT c.role, c.agent, c.model, c.gate, c.outcome, c.currency,
  CAST(COUNT(*) AS BIGINT) AS calls,
  CAST(COALESCE(SUM(c.tries), 0) AS BIGINT) AS tries,
  CAST(COALESCE(SUM(c.input_tokens), 0) AS BIGINT) AS input_tokens,
  CAST(COALESCE(SUM(c.output_tokens), 0) AS BIGINT) AS output_tokens,
  CAST(COALESCE(SUM(c.cached_tokens), 0) AS BIGINT) AS cached_tokens,
  CAST(COALESCE(SUM(c.cost_nanos), 0) AS BIGINT) AS cost_nanos,
  CAST(COALESCE(SUM(c.millis), 0) AS BIGINT) AS millis,
  CAST(COALESCE(MAX(c.millis), 0) AS BIGINT) AS longest_millis,
  CAST(COALESCE(SUM(CASE WHEN a.checked_at IS NOT NULL OR a.failure IS NOT NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS attempts,
  CAST(COALESCE(SUM(CASE WHEN a.checked_at IS NOT NULL AND a.failure IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS passed
FROM calls c
LEFT JOIN attempts a ON a.run = c.run AND a.n = c.n AND c.outcome <> 'failed'
  AND c.ask = (SELECT MAX(k.ask) FROM asks k WHERE k.run = c.run AND k.n = c.n)
GROUP BY c.role, c.agent, c.model, c.gate, c.outcome, c.currency
ORDER BY c.role, c.agent, c.model, c.gate, c.outcome, c.currency";

impl Store {
    /// Stores calls that have ended, and the events that tell of them.
    ///
    /// # Errors
    /// A fault of the database; an unknown run is one.
    pub async fn call_put(&self, new: Vec<NewCall>, events: &[NewEvent]) -> Result<(), StoreError> {
        if new.is_empty() {
            return Ok(());
        }
        let mut txn = self.begin().await?;
        let rows = new.into_iter().map(|new| {
            let (cost, currency) = new.cost.unzip();
            call::ActiveModel {
                // Time-ordered, so that a run's calls come in their order.
                id: Set(Uuid::now_v7().to_string()),
                run: Set(new.run.to_string()),
                n: Set(new.n.into()),
                ask: Set(new.ask.into()),
                gate: Set(new.gate),
                role: Set(free(&new.role)),
                agent: Set(free(&new.agent)),
                model: Set(new.model.as_deref().map(free)),
                served: Set(new.served.as_deref().map(free)),
                outcome: Set(new.outcome.to_owned()),
                fault: Set(new.fault.as_deref().map(free)),
                input_tokens: Set(new.input_tokens.map(bounded)),
                output_tokens: Set(new.output_tokens.map(bounded)),
                cached_tokens: Set(new.cached_tokens.map(bounded)),
                cost_nanos: Set(cost),
                currency: Set(currency.as_deref().map(free)),
                tries: Set(i32::try_from(new.tries).unwrap_or(i32::MAX)),
                millis: Set(bounded(new.millis)),
                at: Set(micros(new.at)),
            }
        });
        call::Entity::insert_many(rows)
            .exec_without_returning(txn.db())
            .await?;
        append(&mut txn, events).await?;
        txn.commit().await?;
        Ok(())
    }

    /// The calls of a run, oldest first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn call_list(&self, run: RunId) -> Result<Vec<CallRecord>, StoreError> {
        let rows = call::Entity::find()
            .filter(call::Column::Run.eq(run.to_string()))
            .order_by_asc(call::Column::Id)
            .all(self.reader())
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// What the calls of a run cost in a currency, in billionths of it, as far as it is known.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn call_cost(&self, run: RunId, currency: &str) -> Result<i64, StoreError> {
        let costs: Vec<Option<i64>> = call::Entity::find()
            .select_only()
            .column(call::Column::CostNanos)
            .filter(call::Column::Run.eq(run.to_string()))
            .filter(call::Column::Currency.eq(currency))
            .into_tuple()
            .all(self.reader())
            .await?;
        let costs = costs.into_iter().flatten();
        Ok(costs.fold(0, i64::saturating_add))
    }

    /// What all calls come to, by role, agent, model and gate.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn call_statistics(&self) -> Result<Vec<CallStatistics>, StoreError> {
        let db = self.reader();
        let statement = Statement::from_string(db.get_database_backend(), STATISTICS);
        let mut all: Vec<CallStatistics> = Vec::new();
        for row in db.query_all_raw(statement).await? {
            let part = part(&row)?;
            match all.last_mut().filter(|last| same(last, &part)) {
                Some(last) => add(last, part),
                None => all.push(part),
            }
        }
        Ok(all)
    }
}

/// One row: a part of a group, of one outcome and currency.
fn part(row: &QueryResult) -> Result<CallStatistics, StoreError> {
    let number = |column: &str| -> Result<u64, StoreError> {
        let number: i64 = row.try_get("", column)?;
        Ok(u64::try_from(number).unwrap_or(0))
    };
    let outcome: String = row.try_get("", "outcome")?;
    let currency: Option<String> = row.try_get("", "currency")?;
    let calls = number("calls")?;
    let mut part = CallStatistics {
        role: row.try_get("", "role")?,
        agent: row.try_get("", "agent")?,
        model: row.try_get("", "model")?,
        gate: row.try_get("", "gate")?,
        calls: BTreeMap::from([(outcome, calls)]),
        tries: number("tries")?,
        input_tokens: number("input_tokens")?,
        output_tokens: number("output_tokens")?,
        cached_tokens: number("cached_tokens")?,
        millis: number("millis")?,
        longest_millis: number("longest_millis")?,
        attempts: number("attempts")?,
        passed: number("passed")?,
        ..CallStatistics::default()
    };
    match currency {
        Some(currency) => {
            part.cost_nanos
                .insert(currency, row.try_get("", "cost_nanos")?);
        }
        None => part.unpriced = calls,
    }
    Ok(part)
}

fn same(a: &CallStatistics, b: &CallStatistics) -> bool {
    (&a.role, &a.agent, &a.model, &a.gate) == (&b.role, &b.agent, &b.model, &b.gate)
}

fn add(to: &mut CallStatistics, part: CallStatistics) {
    for (outcome, count) in part.calls {
        *to.calls.entry(outcome).or_default() += count;
    }
    for (currency, nanos) in part.cost_nanos {
        *to.cost_nanos.entry(currency).or_default() += nanos;
    }
    to.tries += part.tries;
    to.input_tokens += part.input_tokens;
    to.output_tokens += part.output_tokens;
    to.cached_tokens += part.cached_tokens;
    to.unpriced += part.unpriced;
    to.millis += part.millis;
    to.longest_millis = to.longest_millis.max(part.longest_millis);
    to.attempts += part.attempts;
    to.passed += part.passed;
}

/// A number of somebody else's, small enough that sums of it fit.
fn bounded(number: u64) -> i64 {
    i64::try_from(number.min(1 << 40)).unwrap_or(i64::MAX)
}

fn record(row: call::Model) -> Result<CallRecord, StoreError> {
    let at = Row::new("calls", &row.id);
    let number = |column, number: Option<i64>| {
        let number = number.map(|number| at.number(column, number));
        number.transpose()
    };
    Ok(CallRecord {
        n: at.number("n", row.n.into())?,
        ask: at.number("ask", row.ask.into())?,
        input_tokens: number("input_tokens", row.input_tokens)?,
        output_tokens: number("output_tokens", row.output_tokens)?,
        cached_tokens: number("cached_tokens", row.cached_tokens)?,
        tries: at.number("tries", row.tries.into())?,
        millis: at.number("millis", row.millis)?,
        at: at.time("at", row.at)?,
        cost: row.cost_nanos.zip(row.currency),
        agent: row.agent,
        model: row.model,
        served: row.served,
        outcome: row.outcome,
        fault: row.fault,
    })
}
