//! The stories that must hold on every database. Each takes a store that nobody else uses.

use sluice_store::Store;

pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod calls;
pub(crate) mod copies;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod people;
pub(crate) mod records;
pub(crate) mod runs;
pub(crate) mod sessions;
pub(crate) mod webhooks;

/// Calls `$on!(name, path::to::story)` for every story.
macro_rules! stories {
    ($on:ident) => {
        $on! {
            projects_are_made_listed_and_never_reused: records,
            findings_are_opened_once_and_resolved_by_what_answers: records,
            many_findings_fit: records,
            proofs_are_kept_once: records,
            escalations_are_answered_once_or_withdrawn: records,
            pages_are_stable_under_inserts: records,
            tokens_are_found_by_their_secret_only: records,
            a_fixed_token_follows_the_configuration: records,
            a_session_is_worth_what_its_token_is: sessions,
            checks_end_once: records,
            a_setting_is_put_once: records,
            a_person_keeps_one_name_and_takes_nobody_elses: people,
            of_fifty_first_visits_one_is_the_first: people,
            a_run_is_remembered_whole: runs,
            a_project_has_one_open_run: runs,
            of_fifty_starts_one_opens: runs,
            of_fifty_changes_one_wins: runs,
            of_fifty_approvers_one_wins: runs,
            nobody_approves_twice: runs,
            of_fifty_approvers_two_win_where_two_must: audit,
            a_decision_is_bound_to_its_subject_and_to_others_than_its_authors: audit,
            the_audit_log_is_one_chain: audit,
            what_is_there_is_attempt_0: audit,
            a_setting_that_changes_is_told_of: audit,
            a_change_happens_whole_or_not_at_all: runs,
            contradictions_are_refused: runs,
            faults_put_a_run_off: runs,
            opening_and_deleting_take_turns: runs,
            requests_and_replies_are_kept_as_they_came: attempts,
            of_fifty_replies_the_first_counts: attempts,
            a_parked_run_never_misses_its_reply: attempts,
            an_attempt_remembers_what_came_of_it: attempts,
            calls_are_listed_and_summed: calls,
            a_reply_may_be_of_another_agent: calls,
            events_come_in_order_without_a_gap: events,
            watchers_wake_after_the_commit: events,
            of_fifty_requests_under_a_key_one_is_done: keys,
            the_answer_under_a_key_is_kept_for_a_day: keys,
            a_key_that_was_given_back_is_free: keys,
            a_key_that_nobody_gives_back_is_free_after_a_while: keys,
            an_event_makes_one_message_to_each_webhook: webhooks,
            a_message_waits_until_it_is_taken_or_given_up: webhooks,
            a_webhook_that_is_gone_is_disabled_until_it_takes_something: webhooks,
        }
    };
}
pub(crate) use stories;

/// Runs a story in tasks of its own: `count` of them at once.
pub(crate) async fn race<T, F>(
    store: &Store,
    count: usize,
    act: impl Fn(Store, usize) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..count)
        .map(|n| tokio::spawn(act(store.clone(), n)))
        .collect();
    let mut ends = Vec::new();
    for task in tasks {
        ends.push(task.await.unwrap());
    }
    ends
}
