//! How often a caller may call: a token bucket, kept as the one number of the generic cell rate algorithm
//! (ITU-T I.371, annex A).

use std::str::FromStr;
use std::time::Duration;

/// A time in microseconds since the Unix epoch, or a duration.
pub type Micros = u64;

/// So many requests in a time. All of them may come at once; the bucket fills again evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    window: Micros,
}

/// A text is not a [`Rate`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a rate such as 10/s, 100/min or 1000/h")]
pub struct RateError(pub String);

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let error = || RateError(text.to_owned());
        let (count, unit) = text.split_once('/').ok_or_else(error)?;
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            "day" => 86_400,
            _ => return Err(error()),
        };
        // `parse` would take a sign.
        let is_number = count.bytes().all(|c| c.is_ascii_digit());
        let count: u32 = is_number
            .then(|| count.parse().ok())
            .flatten()
            .ok_or_else(error)?;
        Self::new(count, Duration::from_secs(seconds)).ok_or_else(error)
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may pass.
    pub allowed: bool,
    /// How many more may pass at once.
    pub remaining: u32,
    /// When the bucket is full again.
    pub reset: Duration,
    /// When one may pass that may not now; zero for one that may.
    pub retry: Duration,
}

impl Rate {
    /// So many requests in so much time; nothing unless it is 1 to 1,000,000 in a microsecond for each at least.
    #[must_use]
    pub fn new(count: u32, window: Duration) -> Option<Self> {
        let window = Micros::try_from(window.as_micros()).ok()?;
        let sensible = (1..=1_000_000).contains(&count) && u64::from(count) <= window;
        sensible.then_some(Self { count, window })
    }

    /// How many requests may come at once.
    #[must_use]
    pub fn count(self) -> u32 {
        self.count
    }

    /// The time in which an empty bucket fills.
    #[must_use]
    pub fn window(self) -> Duration {
        Duration::from_micros(self.window)
    }

    /// The time in which one request's worth fills.
    #[must_use]
    pub fn interval(self) -> Micros {
        self.window / u64::from(self.count)
    }

    /// The verdict where a bucket is full again at `full`, which a request that passed has already moved.
    #[must_use]
    pub fn passed(self, full: Micros, now: Micros) -> Verdict {
        let lacking = full.saturating_sub(now);
        let left = self.capacity().saturating_sub(lacking) / self.interval();
        Verdict {
            allowed: true,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset: Duration::from_micros(lacking),
            retry: Duration::ZERO,
        }
    }

    /// The verdict where a bucket that is full again at `full` had nothing left.
    #[must_use]
    pub fn refused(self, full: Micros, now: Micros) -> Verdict {
        let lacking = full.saturating_sub(now);
        let room = self.capacity() - self.interval();
        Verdict {
            allowed: false,
            remaining: 0,
            reset: Duration::from_micros(lacking),
            retry: Duration::from_micros(lacking.saturating_sub(room)),
        }
    }

    /// The whole bucket, as the time in which it fills.
    #[must_use]
    pub fn capacity(self) -> Micros {
        self.interval() * u64::from(self.count)
    }

    /// When a bucket is full again after one more request; nothing if it has no room. Stores say the same in their language.
    #[must_use]
    pub fn take(self, full: Micros, now: Micros) -> Option<Micros> {
        let next = full.max(now) + self.interval();
        (next - now <= self.capacity()).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_are_numbers_and_units() {
        for (text, count, seconds) in [
            ("1/s", 1, 1),
            ("100/min", 100, 60),
            ("5/h", 5, 3600),
            ("1000000/day", 1_000_000, 86_400),
        ] {
            let rate: Rate = text.parse().expect(text);
            assert_eq!((rate.count(), rate.window().as_secs()), (count, seconds));
        }
        for text in [
            "",
            "/s",
            "0/s",
            "-1/s",
            "+1/s",
            "1",
            "1/",
            "1/m",
            "1.5/s",
            "1 /s",
            "1000001/day",
            "99999999999/h",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(RateError(text.to_owned())));
        }
    }

    #[test]
    fn a_bucket_empties_and_fills() {
        let rate: Rate = "3/min".parse().expect("a rate");
        let (mut full, start) = (0, 1_000_000_000);
        for left in [2, 1, 0] {
            full = rate.take(full, start).expect("room");
            assert_eq!(rate.passed(full, start).remaining, left);
        }
        assert_eq!(rate.take(full, start), None);
        let verdict = rate.refused(full, start);
        assert_eq!((verdict.retry.as_secs(), verdict.reset.as_secs()), (20, 60));
        assert_eq!(rate.take(full, start + 19_999_999), None);
        assert!(rate.take(full, start + 20_000_000).is_some());
        assert_eq!(rate.passed(full, start + 60_000_000).remaining, 3);
    }

    proptest! {
        #[test]
        fn no_window_has_more_than_two_buckets(
            count in 1u32..50,
            steps in prop::collection::vec(0u64..3_000_000, 1..400),
        ) {
            let rate = Rate::new(count, Duration::from_secs(10)).expect("a rate");
            let (mut now, mut full, mut passed) = (1u64 << 50, 0, Vec::new());
            for step in steps {
                now += step;
                match rate.take(full, now) {
                    Some(next) => {
                        full = next;
                        passed.push(now);
                        prop_assert!(rate.passed(full, now).remaining < count);
                    }
                    None => {
                        let wait = Micros::try_from(rate.refused(full, now).retry.as_micros()).expect("a wait");
                        prop_assert!(wait > 0);
                        prop_assert!(rate.take(full, now + wait).is_some());
                        prop_assert!(rate.take(full, now + wait - 1).is_none());
                    }
                }
            }
            for (at, first) in passed.iter().enumerate() {
                let within = passed[at..].iter().take_while(|time| **time - first < 10_000_000);
                prop_assert!(within.count() <= 2 * count as usize);
            }
        }
    }
}
