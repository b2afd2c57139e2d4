//! What models cost, from a dated file; a model that is not in it has no price, which is not the price 0.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use sluice_agents::Usage;

/// Billionths in one.
const NANOS: f64 = 1e9;

/// A price file. The built-in one is `templates/prices.toml`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day on which the prices held, as `2026-11-22`.
    pub date: String,
    /// The currency, as `USD`.
    pub currency: String,
    /// Where the prices are from.
    #[serde(default)]
    pub source: String,
    /// The prices, by the name under which a model is asked.
    #[serde(default)]
    models: BTreeMap<String, Price>,
}

/// What one model costs, for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    /// Of the prompt.
    input: f64,
    /// Of the reply.
    output: f64,
    /// Of the prompt, from the server's cache; as `input` when not given.
    cached: Option<f64>,
}

impl Prices {
    /// Reads the text of a price file.
    ///
    /// # Errors
    /// It is not valid; the error names the key.
    pub fn parse(text: &str) -> anyhow::Result<Prices> {
        let prices: Prices = toml::from_str(text).context("the price file is not valid")?;
        if prices.date.parse::<jiff::civil::Date>().is_err() {
            bail!("date takes a day as in 2026-11-22, not {:?}", prices.date);
        }
        let is_currency = prices.currency.len() == 3
            && prices
                .currency
                .bytes()
                .all(|byte| byte.is_ascii_uppercase());
        if !is_currency {
            bail!(
                "currency takes three capital letters as in USD, not {:?}",
                prices.currency
            );
        }
        for (model, price) in &prices.models {
            let all = [Some(price.input), Some(price.output), price.cached];
            // What is more is a slip of the pen, and would not fit.
            if let Some(wrong) = all
                .into_iter()
                .flatten()
                .find(|it| !(0.0..=1e6).contains(it))
            {
                bail!(
                    "{model} has the price {wrong}; prices are from 0 to 1000000 for a million tokens"
                );
            }
        }
        Ok(prices)
    }

    /// Whether a model has a price.
    pub fn knows(&self, model: &str) -> bool {
        self.models.contains_key(model)
    }

    /// What a call cost, in billionths of the currency; `None` when the price or the tokens are not known.
    pub(crate) fn cost(&self, model: &str, usage: &Usage) -> Option<i64> {
        let price = self.models.get(model)?;
        let (input, output) = (usage.input?, usage.output?);
        let cached = usage.cached.unwrap_or(0).min(input);
        let millionths = (input - cached) as f64 * price.input
            + cached as f64 * price.cached.unwrap_or(price.input)
            + output as f64 * price.output;
        let nanos = (millionths * 1e3).round();
        (nanos < i64::MAX as f64).then_some(nanos as i64)
    }
}

/// An amount as a number for people: `2.5`.
pub(crate) fn amount(nanos: i64) -> f64 {
    nanos as f64 / NANOS
}

/// The same the other way round.
pub(crate) fn nanos(amount: f64) -> i64 {
    (amount * NANOS).round() as i64
}

#[cfg(test)]
mod tests;
