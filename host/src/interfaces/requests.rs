//! The requests in progress in an instance, whose ids are in log lines about the instance.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use http::HeaderValue;

use crate::traces::Place;

/// A request by its id.
#[derive(Debug)]
pub(crate) struct Tracked {
    id: HeaderValue,
    over: AtomicBool,
    /// Bytes of its response's body so far.
    bytes: AtomicU64,
    /// Where it is in a trace.
    place: OnceLock<Place>,
}

impl Tracked {
    /// A request that has just come.
    pub(crate) fn new(id: HeaderValue) -> Arc<Self> {
        Arc::new(Self {
            id,
            over: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            place: OnceLock::new(),
        })
    }

    /// Counts bytes of the response's body.
    pub(crate) fn answered(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of the response's body so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Says where the request is in a trace.
    pub(crate) fn place(&self, place: Option<Place>) {
        if let Some(place) = place {
            self.place.get_or_init(|| place);
        }
    }

    /// Says something about the request, as [`Place::say`].
    pub(crate) fn say<T>(&self, say: impl FnOnce() -> T) -> T {
        Place::say(self.place.get(), say)
    }

    /// The id as a header value.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.id
    }

    /// The id, which is printable ASCII.
    pub(crate) fn id(&self) -> &str {
        self.id.to_str().unwrap_or("-")
    }
}

/// Ends a request when it is dropped: with its response, or with its client.
pub(crate) struct Ending(Option<Arc<Tracked>>);

impl Ending {
    /// Will end `request`.
    pub(crate) fn of(request: &Arc<Tracked>) -> Self {
        Self(Some(Arc::clone(request)))
    }

    /// The instance failed to answer. The request stays with it, so that the log line about the failure has its id.
    pub(crate) fn failed(&mut self) {
        self.0 = None;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(request) = &self.0 {
            request.over.store(true, Ordering::Release);
        }
    }
}

/// The requests in progress in one instance.
#[derive(Clone, Default)]
pub(crate) struct AtWork(Arc<Work>);

#[derive(Default)]
struct Work {
    requests: Mutex<Vec<Arc<Tracked>>>,
    /// Where the message that the instance handles is in a trace.
    message: OnceLock<Place>,
}

impl Work {
    fn requests(&self) -> MutexGuard<'_, Vec<Arc<Tracked>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AtWork {
    /// Records the place in a trace of the message that the instance handles.
    pub(crate) fn begin_message(&self, place: Option<Place>) {
        if let Some(place) = place {
            self.0.message.get_or_init(|| place);
        }
    }

    /// The instance begins with a request.
    pub(crate) fn begin(&self, request: Arc<Tracked>) {
        let mut requests = self.0.requests();
        requests.retain(|request| !request.over.load(Ordering::Acquire));
        requests.push(request);
    }

    /// Whether it has begun with requests, and each is over.
    pub(crate) fn is_over(&self) -> bool {
        let requests = self.0.requests();
        let mut over = requests.iter().map(|it| it.over.load(Ordering::Acquire));
        !requests.is_empty() && over.all(|is_over| is_over)
    }

    /// Where they are in their traces. After the last one it is still that one, because an instance may work on after its answer.
    pub(crate) fn places(&self) -> Vec<Place> {
        let requests = self.0.requests();
        let place = |request: &Arc<Tracked>| request.place.get().cloned();
        let open = requests
            .iter()
            .filter(|request| !request.over.load(Ordering::Acquire));
        let places: Vec<_> = open.filter_map(place).collect();
        if !places.is_empty() {
            return places;
        }
        let last = requests.last().and_then(place);
        let last = last.or_else(|| self.0.message.get().cloned());
        last.into_iter().collect()
    }

    /// Says something about the instance, with the ids of its requests. If it has one only, as [`Place::say`].
    pub(crate) fn say<T>(&self, say: impl FnOnce(Option<&str>) -> T) -> T {
        let (ids, places) = (self.ids(), self.places());
        let only = places.first().filter(|_| places.len() == 1);
        Place::say(only, || say(ids.as_deref()))
    }

    /// Their ids, with commas between them; `None` when there is none. Of a line about an instance that has several at
    /// work, nobody knows which of them it is about.
    fn ids(&self) -> Option<String> {
        let requests = self.0.requests();
        let ids: Vec<_> = requests
            .iter()
            .filter(|request| !request.over.load(Ordering::Acquire))
            .map(|request| request.id())
            .collect();
        (!ids.is_empty()).then(|| ids.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_at_work_until_they_end() {
        let at_work = AtWork::default();
        assert_eq!(at_work.ids(), None);
        assert!(!at_work.is_over());
        let [one, other, failed] =
            ["1", "2", "3"].map(|id| Tracked::new(HeaderValue::from_static(id)));
        at_work.begin(Arc::clone(&one));
        at_work.begin(Arc::clone(&other));
        at_work.begin(Arc::clone(&failed));
        assert_eq!(at_work.ids().as_deref(), Some("1, 2, 3"));
        drop(Ending::of(&one));
        assert_eq!(at_work.ids().as_deref(), Some("2, 3"));
        let mut ending = Ending::of(&failed);
        ending.failed();
        drop(ending);
        drop(Ending::of(&other));
        assert_eq!(
            at_work.ids().as_deref(),
            Some("3"),
            "it is still to be told"
        );
        assert!(!at_work.is_over());
        drop(Ending::of(&failed));
        assert!(at_work.is_over());
    }
}
