//! Trains a sweep's runs, each in a process of its own, so that none can take others down with it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ocelli_train::run_folder::RunFolderError;
use ocelli_train::sweep::folder::{Standing, SweepFolder};
use ocelli_train::sweep::outcome::{Outcome, Scores};
use ocelli_train::sweep::plan::{Plan, PlannedRun};

use crate::failure::{Failure, STOPPED};
use crate::terminal::scores;

/// How often the queue looks whether a run has ended.
const PAUSE: Duration = Duration::from_millis(50);

/// How many runs there are at once, and how many threads each has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threads {
    jobs: usize,
    each: usize,
}

impl Threads {
    /// So many threads, shared by so many runs.
    pub(super) fn shared(threads: usize, jobs: usize) -> Self {
        Self { jobs, each: (threads / jobs).max(1) }
    }
}

/// The runs that are to be trained, those that are, and what became of the others.
pub(super) struct Queue<'a> {
    plan: &'a Plan,
    folder: &'a SweepFolder,
    device: &'a str,
    threads: Threads,
    outcomes: Vec<Outcome>,
    running: Vec<Running>,
    /// Runs that a process of an earlier sitting still has, which were told.
    told_busy: Vec<usize>,
}

/// A run at work.
struct Running {
    number: usize,
    process: Child,
    /// Where its log had been read to before it began.
    log_start: u64,
    started: Instant,
}

impl<'a> Queue<'a> {
    /// A queue of the plan's runs that are not finished.
    pub(super) fn new(
        plan: &'a Plan,
        folder: &'a SweepFolder,
        standing: &[Standing],
        device: &'a str,
        threads: Threads,
    ) -> Self {
        let outcome = |at: &Standing| match at {
            Standing::Finished => Outcome::Finished,
            Standing::New | Standing::Begun => Outcome::Waiting,
        };
        let outcomes = standing.iter().map(outcome).collect();
        Self { plan, folder, device, threads, outcomes, running: vec![], told_busy: vec![] }
    }

    /// Trains until every run is over or `stop` is set; then every run at work saves itself.
    pub(super) fn work(mut self, stop: &AtomicBool) -> Result<Vec<Outcome>, Failure> {
        let kept = self.outcomes.iter().filter(|it| **it == Outcome::Finished).count();
        if kept > 0 {
            eprintln!("{kept} of {} runs were finished before and are kept", self.outcomes.len());
        }
        loop {
            self.reap()?;
            let stopping = stop.load(Ordering::Relaxed);
            if stopping {
                for run in &mut self.running {
                    // The end of its input tells a run to save everything and stop.
                    drop(run.process.stdin.take());
                }
            } else {
                self.fail_orphans();
                self.start_next()?;
            }
            let waits = self.outcomes.contains(&Outcome::Waiting);
            let working = !self.running.is_empty();
            // What is at work still counts as waiting.
            if !working && (stopping || !waits) {
                return Ok(self.outcomes);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Runs whose stage did not get to its end can't be trained.
    fn fail_orphans(&mut self) {
        for number in 0..self.plan.runs.len() {
            if self.outcomes[number] != Outcome::Waiting {
                continue;
            }
            let stages: Vec<usize> =
                self.plan.runs[number].stage_weights.iter().map(|weights| weights.stage).collect();
            for stage in stages {
                match self.outcomes[stage] {
                    Outcome::Failed { .. } => {
                        let stage = &self.plan.runs[stage].label;
                        let error = format!("it starts from {stage}, which failed");
                        self.say(number, &format!("failed: {error}"));
                        self.outcomes[number] = Outcome::Failed { error };
                        break;
                    }
                    // Somebody stopped the stage alone; the next sitting goes on with it.
                    Outcome::Stopped => self.outcomes[number] = Outcome::Stopped,
                    Outcome::Waiting | Outcome::Finished => {}
                }
            }
        }
    }

    fn start_next(&mut self) -> Result<(), Failure> {
        for number in 0..self.plan.runs.len() {
            if self.running.len() >= self.threads.jobs {
                break;
            }
            let run = &self.plan.runs[number];
            let is_ready = self.outcomes[number] == Outcome::Waiting
                && !self.running.iter().any(|running| running.number == number)
                && run.stage_weights.iter().all(|it| self.outcomes[it.stage] == Outcome::Finished);
            if !is_ready {
                continue;
            }
            match self.folder.clear_unbegun(run) {
                Ok(()) => self.start(number)?,
                // A sitting that was killed left a run that is still saving itself.
                Err(RunFolderError::Busy { .. }) => {
                    if !self.told_busy.contains(&number) {
                        self.told_busy.push(number);
                        self.say(number, "waits for the process that trains it already");
                    }
                }
                Err(error) => return Err(Failure::failed(error)),
            }
        }
        Ok(())
    }

    fn start(&mut self, number: usize) -> Result<(), Failure> {
        let run = &self.plan.runs[number];
        let log_file = self.folder.log_file(run);
        let describe =
            |reason: std::io::Error| Failure::failed(format!("{}: {reason}", log_file.display()));
        let log = OpenOptions::new().create(true).append(true).open(&log_file).map_err(describe)?;
        let log_start = log.metadata().map_err(describe)?.len();
        let place = self.folder.run(run);
        // It may have got to its end while the queue waited for the process that had it.
        let standing = self.folder.standing(run).map_err(Failure::failed)?;
        if standing == Standing::Finished {
            self.finished(number, None)?;
            return Ok(());
        }
        let mut command = Command::new(std::env::current_exe().map_err(Failure::failed)?);
        let begins = standing == Standing::New;
        if begins {
            command.arg("train").arg(self.folder.recipe_file(run)).arg("--out").arg(place.path());
            for weights in &run.stage_weights {
                let file = self.folder.weights(&self.plan.runs[weights.stage]);
                let file = std::path::absolute(file).map_err(Failure::failed)?;
                command.arg("--set").arg(format!("{}={}", weights.key, file.display()));
            }
        } else {
            command.arg("resume").arg(place.path());
        }
        command
            .args(["--device", self.device, "--threads", &self.threads.each.to_string()])
            .arg("--stop-with-input")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        out_of_reach_of_the_keyboard(&mut command);
        let process = command.spawn().map_err(Failure::failed)?;
        let word = if begins { "begins" } else { "goes on" };
        self.say(number, &format!("{word}; log: {}", log_file.display()));
        self.running.push(Running { number, process, log_start, started: Instant::now() });
        Ok(())
    }

    /// Takes what has ended out of what is at work.
    fn reap(&mut self) -> Result<(), Failure> {
        let mut at = 0;
        while at < self.running.len() {
            match self.running[at].process.try_wait().map_err(Failure::failed)? {
                None => at += 1,
                Some(status) => {
                    let run = self.running.remove(at);
                    self.ended(&run, status)?;
                }
            }
        }
        Ok(())
    }

    fn ended(&mut self, ended: &Running, status: ExitStatus) -> Result<(), Failure> {
        let number = ended.number;
        if status.success() {
            return self.finished(number, Some(ended.started.elapsed()));
        }
        if status.code() == Some(i32::from(STOPPED)) {
            self.say(number, "stopped, everything saved");
            self.outcomes[number] = Outcome::Stopped;
            return Ok(());
        }
        let log_file = self.folder.log_file(&self.plan.runs[number]);
        let error = last_error(&log_file, ended.log_start).unwrap_or_else(|| {
            format!("it ended by itself ({status}); see {}", log_file.display())
        });
        self.say(number, &format!("failed: {error}"));
        self.outcomes[number] = Outcome::Failed { error };
        Ok(())
    }

    fn finished(&mut self, number: usize, took: Option<Duration>) -> Result<(), Failure> {
        let run = &self.plan.runs[number];
        let by = run.recipe.best_by();
        let Scores { best, best_epoch, .. } =
            Scores::read(&self.folder.run(run), by).map_err(Failure::failed)?;
        let mut words = String::from("finished");
        if let (Some(best), Some(epoch)) = (best, best_epoch) {
            words.push_str(&format!(": {} at epoch {epoch}", scores::named(by, best)));
        }
        if let Some(took) = took {
            words.push_str(&format!(", {:.1} minutes", took.as_secs_f64() / 60.0));
        }
        self.say(number, &words);
        self.outcomes[number] = Outcome::Finished;
        Ok(())
    }

    fn say(&self, number: usize, words: &str) {
        let PlannedRun { label, .. } = &self.plan.runs[number];
        eprintln!("[{}/{}] {label}: {words}", number + 1, self.plan.runs.len());
    }
}

/// Ctrl-C goes to this process alone, which then tells its runs: it could reach a run twice
/// otherwise, and the second means to stop at once.
fn out_of_reach_of_the_keyboard(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    {
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
        std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
    }
}

/// What a run said last when it failed: all from the last line that begins with `error: ` on.
fn last_error(log: &std::path::Path, from: u64) -> Option<String> {
    let mut file = File::open(log).ok()?;
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let start = text
        .rmatch_indices("error: ")
        .map(|(at, _)| at)
        .find(|&at| at == 0 || text[..at].ends_with('\n'))?;
    let error = text[start..].trim_start_matches("error: ").trim_end();
    Some(error.to_owned())
}
