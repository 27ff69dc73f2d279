//! The iterator over an epoch's batches, and the threads behind it.
//!
//! Two kinds of thread work here. The loader's pool makes samples. A *foreman* for each batch
//! that may be in flight owns that batch's memory, hands its samples to the pool, and sleeps until
//! they are made. So each sample can be written in place by whichever thread is free, and the
//! pool's threads never wait for one another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rayon::ThreadPool;

use super::assemble::Epoch;
use super::{Batch, LoaderError, Shared};

/// The batches of an epoch. See [`super::Loader::epoch`].
///
/// After an error there are no more batches.
pub struct Batches {
    epoch: Arc<Epoch>,
    /// The next batch to give out.
    next: usize,
    end: usize,
    crew: Option<Crew>,
    /// Threads that could not be started: told with the first batch.
    failure: Option<LoaderError>,
}

/// A batch to be made, and where it is waited for.
struct Job {
    number: usize,
    reply: Sender<Result<Batch, LoaderError>>,
}

/// The foremen, and what they have been asked for.
struct Crew {
    /// `None` once they are to go home.
    jobs: Option<Sender<Job>>,
    waiting: VecDeque<Receiver<Result<Batch, LoaderError>>>,
    /// The next batch to ask for.
    next: usize,
    foremen: Vec<JoinHandle<()>>,
}

impl Batches {
    pub(super) fn new(shared: Arc<Shared>, epoch: u64, first_batch: usize) -> Self {
        let end = shared.batches_per_epoch();
        let epoch = Arc::new(Epoch::new(shared, epoch));
        let mut batches = Self { epoch, next: first_batch, end, crew: None, failure: None };
        let Shared { config, pool, .. } = batches.epoch.shared();
        let in_flight = config.prefetch_batches.min(end.saturating_sub(first_batch));
        if pool.is_some() && in_flight > 0 {
            match Crew::new(&batches.epoch, first_batch, in_flight) {
                Ok(mut crew) => {
                    (0..in_flight).for_each(|_| crew.order_next());
                    batches.crew = Some(crew);
                }
                Err(reason) => {
                    let workers = config.workers;
                    batches.failure = Some(LoaderError::Threads { workers, reason });
                }
            }
        }
        batches
    }

    fn stop(&mut self) {
        self.next = self.end;
        self.epoch.cancel();
        self.crew = None;
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, LoaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(failure) = self.failure.take() {
            self.stop();
            return Some(Err(failure));
        }
        if self.next >= self.end {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let batch = match &mut self.crew {
            Some(crew) => crew.take_next(number, self.end),
            None => self.epoch.assemble(number, |tasks| tasks.for_each(super::assemble::Task::run)),
        };
        if batch.is_err() || self.next == self.end {
            self.stop();
        }
        Some(batch)
    }

    /// An error may end the epoch at any batch.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.end.saturating_sub(self.next).max(usize::from(self.failure.is_some()))))
    }
}

impl std::iter::FusedIterator for Batches {}

impl Drop for Batches {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Crew {
    fn new(epoch: &Arc<Epoch>, next: usize, foremen: usize) -> std::io::Result<Self> {
        let (jobs, asked) = unbounded();
        let asked = Arc::new(Mutex::new(asked));
        let mut crew =
            Self { jobs: Some(jobs), waiting: VecDeque::new(), next, foremen: Vec::new() };
        for number in 0..foremen {
            let (epoch, asked) = (Arc::clone(epoch), Arc::clone(&asked));
            let thread = std::thread::Builder::new().name(format!("ocelli-foreman-{number}"));
            crew.foremen.push(thread.spawn(move || oversee(&epoch, &asked))?);
        }
        Ok(crew)
    }

    /// Asks for one batch more.
    fn order_next(&mut self) {
        let (reply, waiting) = bounded(1);
        if let Some(jobs) = &self.jobs {
            // Without a foreman the reply's sender is dropped, and waiting for it says so.
            let _ = jobs.send(Job { number: self.next, reply });
        }
        self.waiting.push_back(waiting);
        self.next += 1;
    }

    /// Waits for the batch `number`, and asks for one in its place.
    fn take_next(&mut self, number: usize, end: usize) -> Result<Batch, LoaderError> {
        let batch = self.waiting.pop_front().and_then(|waiting| waiting.recv().ok());
        if self.next < end {
            self.order_next();
        }
        batch.unwrap_or_else(|| {
            let message = "its thread is gone".to_owned();
            Err(LoaderError::BatchPanicked { batch: number, message })
        })
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.jobs = None;
        self.waiting.clear();
        for foreman in self.foremen.drain(..) {
            // A foreman that panicked has nothing more to say.
            let _ = foreman.join();
        }
    }
}

/// A foreman's work: batch after batch until nobody asks for more.
fn oversee(epoch: &Epoch, jobs: &Mutex<Receiver<Job>>) {
    let Some(pool) = &epoch.shared().pool else { return };
    loop {
        // Held until the batch's samples are queued: the pool serves first come first, so
        // batches that are waited for sooner get made sooner.
        let turn = jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(Job { number, reply }) = turn.recv() else { return };
        if epoch.is_cancelled() {
            return;
        }
        let batch = epoch.assemble(number, |tasks| run_in(pool, tasks, || drop(turn)));
        // Nobody may be waiting any more.
        let _ = reply.send(batch);
    }
}

/// Runs `tasks` in the pool; calls `queued` when all are queued, and returns when all have run.
fn run_in<'batch>(
    pool: &ThreadPool,
    tasks: &mut dyn Iterator<Item = super::assemble::Task<'batch>>,
    queued: impl FnOnce(),
) {
    pool.in_place_scope(|scope| {
        for task in tasks {
            scope.spawn(move |_| task.run());
        }
        queued();
    });
}
