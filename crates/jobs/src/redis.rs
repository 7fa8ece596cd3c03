//! Jobs in Redis.

mod reply;

use std::sync::LazyLock;

use crate::driver::Redis;
use crate::fields::Fields;
use crate::model::{
    Claim, Claimed, Cut, Delivery, Ending, Job, Lease, MAX_ATTEMPTS, Metrics, Millis, NewJob, Next,
    Outcome, Page, PartId, PartResult, Speech, Status, Submitted,
};
use crate::store::{Cursor, Error, MAX_MILLIS, MAX_WEIGHT, Store, after};
use crate::task::worker_lost;
use reply::{Arguments, Parts};

/// Every operation. Redis runs a script atomically: no other commands run in between, and a client that stops does not leave
/// partial changes.
const SCRIPT: &str = concat!(
    include_str!("redis/records.lua"),
    include_str!("redis/jobs.lua"),
    include_str!("redis/parts.lua"),
);

/// The name of [`SCRIPT`] on a server that has seen it.
static DIGEST: LazyLock<String> =
    LazyLock::new(|| sha1_smol::Sha1::from(SCRIPT).digest().to_string());

/// The prefix of keys.
const PREFIX: &str = "routelets:";

/// A store in a Redis server of version 6.2 or newer, which any number of clients may use at once.
///
/// Waiting and running jobs are in one database, ended ones in another, with a time to live; both may be the same. Durability
/// depends on the server's configuration: with `appendfsync always` nothing is lost.
pub struct RedisStore<D> {
    driver: D,
    prefix: String,
    inputs: String,
    results: String,
}

impl<D: Redis> RedisStore<D> {
    /// A store in the databases of these numbers, whichever the connection has selected.
    pub fn new(driver: D, inputs: u32, results: u32) -> Self {
        Self {
            driver,
            prefix: PREFIX.to_owned(),
            inputs: inputs.to_string(),
            results: results.to_string(),
        }
    }

    /// The same, with keys that begin with `prefix` and not with `routelets:`.
    #[must_use]
    pub fn with_prefix(self, prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            ..self
        }
    }

    /// The beginning of the arguments of an operation.
    fn operation(&self, name: &str, now: Millis) -> Arguments {
        let mut arguments = Arguments(Vec::with_capacity(16));
        arguments
            .push(DIGEST.as_str())
            .push("0")
            .push(name)
            .push(self.inputs.as_str())
            .push(self.results.as_str())
            .push(self.prefix.as_str())
            .number(now);
        arguments
    }

    async fn run(&self, arguments: Arguments) -> Result<Parts, Error> {
        let Arguments(mut arguments) = arguments;
        match self.driver.execute("EVALSHA", &arguments).await {
            Err(error) if is_unknown_script(&error.0) => {
                if let Some(script) = arguments.first_mut() {
                    *script = SCRIPT.into();
                }
                Ok(Parts::new(self.driver.execute("EVAL", &arguments).await?))
            }
            result => Ok(Parts::new(result?)),
        }
    }
}

/// Drivers put the server's `NOSCRIPT No matching script` in words of their own.
fn is_unknown_script(error: &str) -> bool {
    let error = error.to_ascii_lowercase();
    error.contains("noscript") || error.contains("no matching script")
}

/// The sorted set of the jobs in a state, less the prefix.
fn index(status: Status) -> &'static str {
    match status {
        Status::Queued => "waiting",
        status => status.as_str(),
    }
}

/// A random number. The server's own is the same in each call of a script.
fn lot() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1 & MAX_MILLIS
}

const UNEXPECTED: Error = Error::Corrupt("an unknown reply");

impl<D: Redis> Store for RedisStore<D> {
    async fn submit(&self, job: NewJob, max_waiting: u64, now: Millis) -> Result<Submitted, Error> {
        let mut fields = Arguments(Vec::new());
        fields
            .field("route", job.route)
            .field("status", Status::Queued.as_str())
            .field("cancel_requested", "0")
            .field("attempts", "0")
            .field("created_at", now.to_string())
            .field(
                "expires_after",
                job.expires_after.min(MAX_MILLIS).to_string(),
            )
            .maybe("webhook", job.webhook)
            .maybe("owner", (!job.owner.is_empty()).then_some(job.owner))
            .maybe("trace", job.trace)
            .maybe(
                "interest",
                job.interest.map(|time| time.min(MAX_MILLIS).to_string()),
            );
        if let Some(key) = job.key {
            fields
                .field("key", key.name)
                .field("fingerprint", key.fingerprint);
        }
        let mut arguments = self.operation("submit", now);
        arguments
            .push(job.id)
            .number(max_waiting)
            .push(job.share.map_or(String::new(), |share| share.to_string()))
            .push(fields.0.len().to_string());
        arguments.0.append(&mut fields.0);
        arguments
            .field("task", job.input.task)
            .field("bytes", job.input.bytes);

        let mut reply = self.run(arguments).await?;
        match reply.text()?.as_str() {
            "new" => Ok(Submitted::New(reply.job()?)),
            "existing" => Ok(Submitted::Existing(reply.job()?)),
            "conflict" => Ok(Submitted::Conflict),
            "full" => Ok(Submitted::Full {
                waiting: reply.number()?,
            }),
            "share" => Ok(Submitted::ShareFull {
                waiting: reply.number()?,
            }),
            _ => Err(UNEXPECTED),
        }
    }

    async fn claim(
        &self,
        lease: Millis,
        max_running: Option<u64>,
        now: Millis,
    ) -> Result<Next, Error> {
        let mut arguments = self.operation("claim", now);
        arguments
            .number(lot())
            .number(after(now, lease))
            .push(max_running.map_or(String::new(), |max| max.to_string()))
            .push(MAX_ATTEMPTS.to_string())
            .outcome(worker_lost());
        let mut reply = self.run(arguments).await?;
        match reply.text()?.as_str() {
            stage @ ("job" | "join" | "part") => {
                let attempt = reply.narrow()?;
                let part = match stage {
                    "part" => Some(PartId {
                        cut: reply.narrow()?,
                        number: reply.narrow()?,
                    }),
                    _ => None,
                };
                let job = reply.job()?;
                let id = job.id.clone();
                Ok(Next::Job(Box::new(Claimed {
                    claim: Claim { id, part, attempt },
                    job,
                    join: stage == "join",
                    input: reply.input()?,
                })))
            }
            "later" => Ok(Next::Later(reply.number()?)),
            "busy" => Ok(Next::Busy(reply.number()?)),
            "idle" => Ok(Next::Idle),
            _ => Err(UNEXPECTED),
        }
    }

    async fn heartbeat(
        &self,
        claim: &Claim,
        progress: Option<&str>,
        lease: Millis,
        now: Millis,
    ) -> Result<Lease, Error> {
        let mut arguments = self.operation("heartbeat", now);
        arguments.claim(claim).number(after(now, lease));
        if let Some(progress) = progress {
            arguments.push(progress);
        }
        match self.run(arguments).await?.text()?.as_str() {
            "held" => Ok(Lease::Held),
            "cancel" => Ok(Lease::CancelRequested),
            "lost" => Ok(Lease::Lost),
            _ => Err(UNEXPECTED),
        }
    }

    async fn add_part(
        &self,
        claim: &Claim,
        number: u32,
        bytes: Vec<u8>,
        now: Millis,
    ) -> Result<bool, Error> {
        if claim.part.is_some() {
            return Ok(false);
        }
        let mut arguments = self.operation("add_part", now);
        arguments
            .push(claim.id.as_str())
            .push(claim.attempt.to_string())
            .push(number.to_string())
            .push(bytes);
        Ok(self.run(arguments).await?.number::<u8>()? == 1)
    }

    async fn cut(&self, claim: &Claim, cut: Cut, now: Millis) -> Result<bool, Error> {
        if claim.part.is_some() {
            return Ok(false);
        }
        let enough = cut.enough.map(|weight| weight.min(MAX_WEIGHT).to_string());
        let mut arguments = self.operation("cut", now);
        arguments
            .push(claim.id.as_str())
            .push(claim.attempt.to_string())
            .push(cut.parts.to_string())
            .push(enough.unwrap_or_default())
            .push(cut.rest);
        Ok(self.run(arguments).await?.number::<u8>()? == 1)
    }

    async fn finish_part(
        &self,
        claim: &Claim,
        result: PartResult,
        now: Millis,
    ) -> Result<bool, Error> {
        if claim.part.is_none() {
            return Ok(false);
        }
        let mut arguments = self.operation("finish_part", now);
        arguments
            .claim(claim)
            .push(result.bytes)
            .number(result.weight.min(MAX_WEIGHT));
        Ok(self.run(arguments).await?.number::<u8>()? == 1)
    }

    async fn results(&self, claim: &Claim, now: Millis) -> Result<Vec<Vec<u8>>, Error> {
        let mut arguments = self.operation("results", now);
        arguments.push(claim.id.as_str());
        let mut reply = self.run(arguments).await?;
        let mut results = Vec::new();
        while !reply.is_empty() {
            results.push(reply.bytes()?);
        }
        Ok(results)
    }

    async fn finish(&self, claim: &Claim, ending: Ending, now: Millis) -> Result<bool, Error> {
        let mut arguments = self.operation("finish", now);
        arguments.claim(claim);
        match ending {
            Ending::Outcome(outcome) => arguments
                .push(outcome.job_status().as_str())
                .outcome(outcome),
            Ending::Canceled => arguments.push(Status::Canceled.as_str()),
        };
        Ok(self.run(arguments).await?.number::<u8>()? == 1)
    }

    async fn get(&self, id: &str, now: Millis) -> Result<Option<Job>, Error> {
        let mut arguments = self.operation("get", now);
        arguments.push(id);
        let mut reply = self.run(arguments).await?;
        (!reply.is_empty()).then(|| reply.job()).transpose()
    }

    async fn outcome(&self, id: &str, now: Millis) -> Result<Option<Outcome>, Error> {
        let mut arguments = self.operation("outcome", now);
        arguments.push(id);
        let mut reply = self.run(arguments).await?;
        (!reply.is_empty()).then(|| reply.outcome()).transpose()
    }

    async fn cancel(&self, id: &str, now: Millis) -> Result<Option<Job>, Error> {
        let mut arguments = self.operation("cancel", now);
        arguments.push(id);
        let mut reply = self.run(arguments).await?;
        (!reply.is_empty()).then(|| reply.job()).transpose()
    }

    async fn remove(&self, id: &str, now: Millis) -> Result<bool, Error> {
        let mut arguments = self.operation("remove", now);
        arguments.push(id);
        Ok(self.run(arguments).await?.number::<u8>()? == 1)
    }

    async fn list(
        &self,
        owner: &str,
        status: Option<Status>,
        after: Option<&str>,
        limit: u32,
        now: Millis,
    ) -> Result<Page, Error> {
        let after = match after {
            Some(after) => after.parse::<Cursor>()?.to_string(),
            None => String::new(),
        };
        let mut arguments = self.operation("list", now);
        arguments
            .number(limit.max(1).into())
            .push(after)
            .push(owner);
        match status {
            Some(status) => {
                arguments.push(index(status));
            }
            None => {
                for status in Status::ALL {
                    arguments.push(index(status));
                }
            }
        }
        let mut reply = self.run(arguments).await?;
        let next = reply.maybe_text()?;
        let mut jobs = Vec::new();
        while !reply.is_empty() {
            jobs.push(reply.job()?);
        }
        Ok(Page { jobs, next })
    }

    async fn load(&self, now: Millis) -> Result<u64, Error> {
        self.run(self.operation("load", now)).await?.number()
    }

    async fn metrics(&self, now: Millis) -> Result<Metrics, Error> {
        let mut reply = self.run(self.operation("metrics", now)).await?;
        let mut metrics = Metrics {
            oldest_waiting: reply.maybe_millis()?,
            ..Metrics::default()
        };
        while !reply.is_empty() {
            let name = reply.text()?;
            let (name, route) = name.split_once(' ').ok_or(UNEXPECTED)?;
            metrics.set(route.to_owned(), name, reply.number()?);
        }
        Ok(metrics)
    }

    async fn recognised(&self, speech: Speech, now: Millis) -> Result<(), Error> {
        let mut arguments = self.operation("recognised", now);
        arguments.number(speech.sound).number(speech.recognition);
        self.run(arguments).await?;
        Ok(())
    }

    async fn next_delivery(&self, lease: Millis, now: Millis) -> Result<Option<Delivery>, Error> {
        let mut arguments = self.operation("next_delivery", now);
        arguments.number(after(now, lease));
        let mut reply = self.run(arguments).await?;
        if reply.is_empty() {
            return Ok(None);
        }
        reply.delivery().map(Some)
    }

    async fn delivered(
        &self,
        delivery: &Delivery,
        retry_at: Option<Millis>,
        now: Millis,
    ) -> Result<(), Error> {
        let mut arguments = self.operation("delivered", now);
        arguments
            .push(delivery.id.as_str())
            .push(delivery.attempt.to_string())
            .push(retry_at.map_or(String::new(), |time| time.min(MAX_MILLIS).to_string()));
        self.run(arguments).await?;
        Ok(())
    }
}
