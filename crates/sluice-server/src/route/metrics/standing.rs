//! How things stand: asked for when they are scraped.

use std::sync::atomic::Ordering;

use sluice_factory::Tally;

use super::Metric;
use crate::problem::ApiError;
use crate::state::App;

/// The metrics of the daemon as a whole.
pub(super) async fn metrics(app: &App) -> Result<Vec<Metric>, ApiError> {
    let tally = app.factory.tally().await?;
    let events = app.factory.store().events_watch().borrow().0;
    let build = format!(
        "{{version=\"{}\",engine=\"{}\"}}",
        env!("CARGO_PKG_VERSION"),
        app.factory.engine()
    );
    let answers = app.counts.answers.iter().enumerate().skip(1);
    let answers = answers.map(|(class, count)| {
        let count = count.load(Ordering::Relaxed);
        (format!("{{status=\"{class}xx\"}}"), count.to_string())
    });
    let mut all = vec![
        Metric {
            name: "sluice_build_info",
            kind: "gauge",
            help: "The program's version and engine.",
            values: vec![(build, "1".to_owned())],
        },
        Metric::plain(
            "sluice_events_total",
            "counter",
            "Events so far; also the id of the last one.",
            events,
        ),
        Metric {
            name: "sluice_http_answers_total",
            kind: "counter",
            help: "Answers by status since the start.",
            values: answers.collect(),
        },
        Metric::plain(
            "sluice_http_requests_in_flight",
            "gauge",
            "Requests that are being answered.",
            app.counts.in_flight.load(Ordering::Relaxed),
        ),
        Metric::plain(
            "sluice_event_streams",
            "gauge",
            "Event streams that are open.",
            app.open_streams(),
        ),
    ];
    all.extend(tallied(&tally));
    if let Some(oidc) = &app.oidc {
        let (answers, age) = oidc.state();
        all.push(Metric::plain(
            "sluice_oidc_up",
            "gauge",
            "Whether the OpenID Connect issuer answered when it was last asked.",
            u8::from(answers),
        ));
        if let Some(age) = age {
            all.push(Metric::plain(
                "sluice_oidc_keys_age_seconds",
                "gauge",
                "Seconds since the issuer's keys were fetched; after 21600 they are not used.",
                age,
            ));
        }
    }
    Ok(all)
}

fn tallied(tally: &Tally) -> Vec<Metric> {
    let runs = tally.open_runs.iter();
    let runs = runs.map(|((gate, state), runs)| {
        (
            format!("{{gate=\"{gate}\",state=\"{state}\"}}"),
            runs.to_string(),
        )
    });
    let age = |since: Option<jiff::Timestamp>| {
        since.map_or(0.0, |since| {
            let age = jiff::Timestamp::now().duration_since(since);
            age.as_secs_f64().max(0.0)
        })
    };
    vec![
        Metric::plain(
            "sluice_projects",
            "gauge",
            "Projects that are not deleted.",
            tally.projects,
        ),
        Metric {
            name: "sluice_runs_open",
            kind: "gauge",
            help: "Runs that are open, by gate and state.",
            values: runs.collect(),
        },
        Metric::plain(
            "sluice_runs_due",
            "gauge",
            "Runs with a step that is to be done now; those at work count.",
            tally.due_runs,
        ),
        Metric::plain(
            "sluice_runs_due_oldest_seconds",
            "gauge",
            "Seconds since the first of them is due.",
            age(tally.due_since),
        ),
        Metric::plain(
            "sluice_escalations_open",
            "gauge",
            "Questions that wait for a person.",
            tally.open_escalations,
        ),
        Metric::plain(
            "sluice_escalations_oldest_seconds",
            "gauge",
            "Seconds since the first of them was put.",
            age(tally.escalated_since),
        ),
        Metric::plain(
            "sluice_audit_entries_total",
            "counter",
            "Entries of the audit log.",
            tally.audit_entries,
        ),
        Metric::plain(
            "sluice_idempotency_keys",
            "gauge",
            "Requests that are remembered under a key.",
            tally.keys,
        ),
    ]
}
