//! What every store does.

mod cutting;
mod leases;
mod lifecycle;
mod lists;
mod metrics;
mod parts;
mod submission;
mod webhooks;

use std::collections::HashSet;

use jobs::{
    Claim, Claimed, Cut, Ending, Error, Input, Job, Lease, MAX_ATTEMPTS, Metrics, Millis, NewJob,
    Next, Outcome, PartId, PartResult, PartsDone, RouteMetrics, Speech, Status, Store, Submitted,
    worker_lost,
};
use pollster::block_on;

use crate::backend::{Backend, KEPT, LEASE, MANY, NOW, Server, Sqlite, job, key};

macro_rules! conformance {
    ($($group:ident: $($name:ident)*;)*) => {
        mod sqlite {
            $($(#[test] fn $name() {
                pollster::block_on(super::$group::$name(&<super::Sqlite as super::Backend>::start()));
            })*)*
        }
        mod redis {
            $($(#[test] fn $name() {
                pollster::block_on(super::$group::$name(&<super::Server as super::Backend>::start()));
            })*)*
        }
    };
}

conformance! {
    lifecycle:
        answers_a_job
        keeps_inputs_and_answers_as_they_are
        takes_answers_other_than_success_as_failures
        forgets_a_job_that_has_expired
        removes_only_ended_jobs
        claims_in_random_order
        survives_the_greatest_numbers
        gives_each_job_to_one_of_many_claimants
        leaves_nothing_behind;
    submission:
        finds_the_job_of_the_same_id
        finds_the_job_of_the_same_key
        forgets_a_key_with_its_job
        limits_how_many_wait
        limits_how_many_of_an_owner_wait
        drops_waiting_jobs_that_nobody_wants
        keeps_the_longer_interest
        drops_a_recovered_job_that_nobody_wants
        creates_one_of_many_equal_jobs;
    leases:
        starts_no_job_before_it_came
        takes_back_the_jobs_of_lost_workers
        fails_a_job_whose_workers_were_lost
        renews_a_lease_that_nobody_saw_run_out
        cancels_a_waiting_job
        asks_a_running_job_to_stop
        cancels_a_job_that_was_asked_to_stop_and_lost_its_worker
        limits_how_many_run
        tells_when_there_will_be_something_to_do;
    lists:
        lists_the_newest_first_by_pages
        lists_the_jobs_of_their_owner_alone
        lists_jobs_of_one_moment_and_goes_on_where_a_page_ended;
    metrics:
        counts_what_happens_to_the_jobs_of_each_route
        counts_leases_that_were_lost
        counts_recognised_speech
        shows_what_waits_now;
    cutting:
        computes_parts_while_more_are_added
        joins_at_once_what_was_done_before_the_cut
        drops_the_parts_of_a_lost_beginning
        ends_a_beginning_with_a_part
        begins_again_what_was_not_cut
        does_not_cut_a_job_that_is_to_be_canceled;
    parts:
        joins_the_results_of_parts
        hides_parts
        shares_claims_between_jobs
        stops_at_enough
        cuts_a_job_again
        cuts_a_job_into_nothing
        takes_back_lost_parts
        takes_back_lost_joins
        fails_with_a_part
        fails_when_the_workers_of_a_part_were_lost
        cancels_a_job_in_parts
        limits_how_many_parts_run
        joins_once_among_many_claimants;
    webhooks:
        delivers_webhooks
        forgets_webhooks_with_their_job;
}

async fn submit(store: &impl Store, job: NewJob) -> Job {
    match store.submit(job, MANY, NOW).await.unwrap() {
        Submitted::New(job) => job,
        other => panic!("{other:?}"),
    }
}

async fn claim_at(store: &impl Store, now: Millis) -> Claimed {
    match store.claim(LEASE, None, now).await.unwrap() {
        Next::Job(claimed) => *claimed,
        other => panic!("{other:?}"),
    }
}

async fn begin(store: &impl Store, id: &str) -> Claim {
    submit(store, job(id)).await;
    claim_at(store, NOW).await.claim
}

async fn status(store: &impl Store, id: &str, now: Millis) -> Option<Status> {
    store.get(id, now).await.unwrap().map(|job| job.status)
}

fn answer(status: u16, body: &[u8]) -> Outcome {
    Outcome {
        status,
        content_type: Some("application/json".to_owned()),
        headers: Vec::new(),
        body: body.to_vec(),
    }
}

fn ending(body: &str) -> Ending {
    Ending::Outcome(answer(200, body.as_bytes()))
}
