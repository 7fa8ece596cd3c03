//! Running jobs.

mod webhooks;

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use axum::response::IntoResponse;
use futures_util::StreamExt;
use futures_util::future::{Either, join, select};
use http_api::Problem;

use crate::model::{Claim, Claimed, Cut, Ending, Lease, Millis, Next, Outcome, PartResult, Status};
use crate::parts::{Done, Piece, Pieces, Stage, Work};
use crate::platform::{Platform, StageEnd, StageOfJob};
use crate::store::{Error, Store};
use crate::task::{Progress, outcome_of, outdated};

/// How often a runner renews its lease, and checks whether its job is canceled.
const BEAT: Duration = Duration::from_secs(1);

/// How long to wait before retrying a store that failed.
const RETRY: Duration = Duration::from_millis(500);

/// Successive failures of a store after which a runner stops.
const RETRIES: u32 = 20;

/// Runs jobs until none is waiting, and sends the webhooks that are due.
///
/// `compute` does a stage of a job, by [`run`](crate::run) or [`run_parted`](crate::run_parted), or returns `None` if it does
/// not know the task. With SQLite the runner returns when nothing is waiting. With Redis it stays while other workers run jobs,
/// to take over lost ones.
///
/// # Errors
/// When the store fails for good.
pub async fn drain<P: Platform>(
    platform: &P,
    compute: impl AsyncFn(&Work, &Progress) -> Option<Done>,
) -> Result<(), Error> {
    let runner = Runner {
        platform,
        store: &platform.store().await?,
        ended: Cell::new(false),
    };
    let jobs = async {
        let result = runner.jobs(&compute).await;
        runner.ended.set(true);
        result
    };
    let (jobs, webhooks) = join(jobs, runner.webhooks()).await;
    jobs.and(webhooks)
}

struct Runner<'a, P: Platform> {
    platform: &'a P,
    store: &'a P::Store,
    /// Whether the jobs are done.
    ended: Cell<bool>,
}

/// Why a job is stopped.
enum Stopped {
    Canceled,
    Lost,
}

/// What a stage of a job changes in the store.
#[derive(Clone)]
enum Change {
    End(Ending),
    Part(PartResult),
    Cut(Cut),
}

impl<P: Platform> Runner<'_, P> {
    fn now(&self) -> Millis {
        self.platform.now()
    }

    async fn jobs(
        &self,
        compute: &impl AsyncFn(&Work, &Progress) -> Option<Done>,
    ) -> Result<(), Error> {
        let settings = self.platform.settings();
        let stays = settings.is_redis();
        let most = (!stays).then_some(settings.concurrency);
        loop {
            match self
                .persist(async || self.store.claim(settings.lease, most, self.now()).await)
                .await?
            {
                Next::Job(claimed) => self.work(*claimed, compute).await?,
                // In steps, because new jobs may arrive meanwhile.
                Next::Later(at) if stays => {
                    self.platform
                        .sleep(
                            BEAT.min(Duration::from_millis(at.saturating_sub(self.now()).max(10))),
                        )
                        .await;
                }
                Next::Later(_) | Next::Busy(_) | Next::Idle => return Ok(()),
            }
        }
    }

    async fn work(
        &self,
        claimed: Claimed,
        compute: &impl AsyncFn(&Work, &Progress) -> Option<Done>,
    ) -> Result<(), Error> {
        let stage = StageOfJob::of(&claimed);
        let ended = self.platform.traced(&stage, self.stage(claimed, compute));
        ended.await.map(drop)
    }

    /// Computes what is claimed, and stores what came of it.
    async fn stage(
        &self,
        claimed: Claimed,
        compute: &impl AsyncFn(&Work, &Progress) -> Option<Done>,
    ) -> Result<StageEnd, Error> {
        let progress = Progress::job(&claimed.claim.id);
        let claim = claimed.claim.clone();
        let change = pin!(self.change(claimed, &progress, compute));
        let watch = pin!(self.watch(&claim, &progress));
        let change = match select(change, watch).await {
            Either::Left((change, _)) => change?,
            Either::Right((Stopped::Canceled, _)) => Some(Change::End(Ending::Canceled)),
            Either::Right((Stopped::Lost, _)) => None,
        };
        let Some(change) = change else {
            return Ok(StageEnd::Lost);
        };
        if let (Change::Cut(_) | Change::End(Ending::Outcome(_)), Some(latest)) =
            (&change, progress.latest())
        {
            // The last heartbeat may be a second old. Parts count on from this, and it is what an ended job shows.
            let (latest, lease) = (latest.to_string(), self.platform.settings().lease);
            let report = async || {
                let news = Some(latest.as_str());
                self.store.heartbeat(&claim, news, lease, self.now()).await
            };
            self.persist(report).await?;
        }
        // A claim that is outdated by now is someone else's job.
        let changed = self
            .persist(async || {
                let (store, claim) = (self.store, &claim);
                match change.clone() {
                    Change::End(ending) => store.finish(claim, ending, self.now()).await,
                    Change::Part(result) => store.finish_part(claim, result, self.now()).await,
                    Change::Cut(cut) => store.cut(claim, cut, self.now()).await,
                }
            })
            .await?;
        Ok(match change {
            // The job may have been canceled since the last heartbeat.
            Change::Cut(_) if !changed && self.is_canceled(&claim).await? => {
                self.persist(async || {
                    self.store
                        .finish(&claim, Ending::Canceled, self.now())
                        .await
                })
                .await?;
                StageEnd::Job(Status::Canceled)
            }
            // Also if nothing has changed: a cut whose reply was lost is made once.
            Change::Cut(cut) => {
                self.share(cut.parts).await;
                StageEnd::Cut
            }
            Change::End(_) | Change::Part(_) if !changed => StageEnd::Lost,
            Change::Part(_) => StageEnd::Part,
            Change::End(Ending::Outcome(outcome)) => StageEnd::Job(outcome.job_status()),
            Change::End(Ending::Canceled) => StageEnd::Job(Status::Canceled),
        })
    }

    async fn is_canceled(&self, claim: &Claim) -> Result<bool, Error> {
        let lease = self.platform.settings().lease;
        let held = self
            .persist(async || self.store.heartbeat(claim, None, lease, self.now()).await)
            .await?;
        Ok(held == Lease::CancelRequested)
    }

    /// Computes a stage of a job, and stores the parts that it is cut into; `None` if the claim is outdated.
    async fn change(
        &self,
        claimed: Claimed,
        progress: &Progress,
        compute: &impl AsyncFn(&Work, &Progress) -> Option<Done>,
    ) -> Result<Option<Change>, Error> {
        let end = |outcome| Some(Change::End(Ending::Outcome(outcome)));
        let Claimed {
            claim, join, input, ..
        } = claimed;
        let Some(input) = input else {
            return Ok(end(outdated()));
        };
        let stage = match claim.part {
            Some(_) => Stage::Part(input.bytes),
            None if join => Stage::Join {
                rest: input.bytes,
                results: self
                    .persist(async || self.store.results(&claim, self.now()).await)
                    .await?,
            },
            None => Stage::Begin(input.bytes),
        };
        let task = input.task;
        let work = Work { task, stage };
        let done = compute(&work, progress).await;
        drop(work);
        match done {
            Some(Done::Outcome(outcome)) => Ok(end(outcome)),
            Some(Done::Part(result)) => Ok(Some(Change::Part(result))),
            Some(Done::Cut { pieces, enough }) => {
                self.store_parts(&claim, join, pieces, enough).await
            }
            None => Ok(end(outdated())),
        }
    }

    /// Stores the parts of a job as they come, so that other runners begin with the first; `None` if the claim is outdated.
    async fn store_parts(
        &self,
        claim: &Claim,
        is_join: bool,
        mut pieces: Pieces<Vec<u8>, Vec<u8>, Outcome>,
        enough: Option<u64>,
    ) -> Result<Option<Change>, Error> {
        let mut parts = 0;
        let (mut woken, mut since) = (0, self.now());
        while let Some(piece) = pieces.next().await {
            let bytes = match piece {
                Ok(Piece::Part(bytes)) => bytes,
                Ok(Piece::Rest(rest)) => {
                    return Ok(Some(Change::Cut(Cut {
                        rest,
                        parts,
                        enough,
                    })));
                }
                Err(outcome) => return Ok(Some(Change::End(Ending::Outcome(outcome)))),
            };
            let add = async || {
                let bytes = bytes.clone();
                self.store.add_part(claim, parts, bytes, self.now()).await
            };
            if !self.persist(add).await? {
                return Ok(None);
            }
            parts += 1;
            // The parts of a join cannot be claimed yet.
            if is_join {
                continue;
            }
            // One for each part. A runner that finds nothing stops, so later parts wake more.
            if self.now() >= since + millis(BEAT) {
                (woken, since) = (0, self.now());
            }
            if woken < self.others() {
                woken += 1;
                self.platform.wake().await;
            }
        }
        let problem = Problem::internal("a cut without what its join needs");
        problem.log(format_args!("job {}", claim.id));
        let outcome = outcome_of(problem.into_response()).await;
        Ok(Some(Change::End(Ending::Outcome(outcome))))
    }

    /// Wakes as many runners as there is work for.
    async fn share(&self, parts: u32) {
        // This runner takes part.
        for _ in 0..self.others().min(parts.saturating_sub(1).into()) {
            self.platform.wake().await;
        }
    }

    /// How often to wake, so that all other runners are awake.
    fn others(&self) -> u64 {
        let settings = self.platform.settings();
        // A message in Redis wakes all of them.
        match settings.is_redis() {
            true => 1,
            false => settings.concurrency - 1,
        }
    }

    /// Renews the lease until the job has to stop.
    async fn watch(&self, claim: &Claim, progress: &Progress) -> Stopped {
        let mut reported = None;
        loop {
            self.platform.sleep(BEAT).await;
            let latest = progress.latest().map(|value| value.to_string());
            let news = latest.as_deref().filter(|_| latest != reported);
            match self
                .store
                .heartbeat(claim, news, self.platform.settings().lease, self.now())
                .await
            {
                Ok(Lease::Held) => reported = latest,
                Ok(Lease::CancelRequested) => return Stopped::Canceled,
                Ok(Lease::Lost) => return Stopped::Lost,
                // The lease outlasts a store that is being restarted.
                Err(error) => eprintln!("the job store failed: {error}"),
            }
        }
    }

    /// Retries an operation of the store for some time.
    async fn persist<T>(&self, ask: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
        for _ in 0..RETRIES {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => eprintln!("the job store failed: {error}"),
            }
            self.platform.sleep(RETRY).await;
        }
        ask().await
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
