//! Nothing is lost: killed at any moment, or out of disk, a run goes on as if nothing had happened.
//!
//! `OCELLI_KILLS=50 cargo test -p ocelli --test crash` kills more often than the default.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const OCELLI: &str = env!("CARGO_BIN_EXE_ocelli");

/// A run short enough for a test: the checkpoints are what takes time here.
const OVERRIDES: [&str; 8] = [
    "data.train=synth://birds?classes=2&count=48&size=16",
    "data.size=16",
    "data.val=0.25",
    "train.epochs=3",
    "train.batch_size=6",
    "train.checkpoint_every_steps=2",
    "train.ema.decay=0.9",
    "schedule.name=cosine",
];

fn train(out: &Path) -> Command {
    let recipe = out.with_extension("toml");
    std::fs::write(&recipe, "").unwrap();
    let mut command = Command::new(OCELLI);
    command.arg("train").arg(recipe).arg("--out").arg(out).args(["--quiet", "--threads", "2"]);
    for text in OVERRIDES {
        command.args(["--set", text]);
    }
    command
}

fn resume(run: &Path) -> Command {
    let mut command = Command::new(OCELLI);
    command.arg("resume").arg(run).args(["--quiet", "--threads", "2"]);
    command
}

fn weights(run: &Path, checkpoint: &str) -> Vec<u8> {
    std::fs::read(run.join("checkpoints").join(checkpoint).join("model.safetensors")).unwrap()
}

/// Moments that differ from run to run would make a failure hard to repeat: they come from a seed,
/// which the message of a failure names.
struct Moments(u64);

impl Moments {
    fn next(&mut self, most: Duration) -> Duration {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        most.mul_f64((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// Killed between its last word to the disk and its end, a run has nothing left to do.
fn is_over(error: &str) -> bool {
    error.contains("epochs are done")
}

#[test]
fn a_run_killed_at_random_moments_ends_as_the_unbroken_one_to_the_bit() {
    let kills: u32 = std::env::var("OCELLI_KILLS").ok().map_or(4, |kills| kills.parse().unwrap());
    let seed = 20;
    let folder = tempfile::tempdir().unwrap();
    let [unbroken, killed] = ["unbroken", "killed"].map(|name| folder.path().join(name));
    let started = Instant::now();
    assert!(train(&unbroken).status().unwrap().success());
    let whole = started.elapsed();

    let mut moments = Moments(seed);
    let (mut done, mut finished, mut restarts) = (0, 0, 0);
    while done < kills {
        let begun = killed.join("run.json").exists();
        let mut child = if begun { resume(&killed) } else { train(&killed) }
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(moments.next(whole));
        if let Some(status) = child.try_wait().unwrap() {
            let error = child.wait_with_output().unwrap().stderr;
            let error = String::from_utf8_lossy(&error);
            assert!(
                status.success() || is_over(&error),
                "after kill {done} of seed {seed}: {error}"
            );
            // It got to its end before its time was up: the next run begins anew.
            assert_eq!(weights(&unbroken, "last"), weights(&killed, "last"));
            finished += 1;
            std::fs::remove_dir_all(&killed).unwrap();
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        done += 1;
        if !killed.join("run.json").exists() {
            // Killed before the run had begun: there is nothing to resume, and nothing in the way.
            restarts += 1;
            let _ = std::fs::remove_dir_all(&killed);
        }
    }
    let last = if killed.join("run.json").exists() { resume(&killed) } else { train(&killed) }
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&last.stderr);
    assert!(last.status.success() || is_over(&error), "{error}");
    for checkpoint in ["last", "best"] {
        assert!(
            weights(&unbroken, checkpoint) == weights(&killed, checkpoint),
            "{checkpoint} differs after {kills} kills of seed {seed}"
        );
    }
    eprintln!(
        "{kills} kills, {restarts} before the run began, {finished} runs finished in between"
    );
}

/// Needs to mount a small disk of its own, as a user namespace of Linux lets anybody do.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_leaves_the_last_checkpoint_and_the_run_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let recipe = folder.path().join("run.toml");
    std::fs::write(&recipe, "").unwrap();
    let sets: String = OVERRIDES.iter().map(|text| format!(" --set '{text}'")).collect();
    // A checkpoint is about 180 MB: one fits, a second beside it does not.
    let script = format!(
        "mount -t tmpfs -o size=270m tmpfs {disk} || {{ echo SKIP; exit 0; }}
         {OCELLI} train {recipe} --out {disk}/run --quiet{sets} 2> {disk}/error; echo status $?
         head -c 600 {disk}/error; ls {disk}/run/checkpoints
         mount -o remount,size=1g {disk}
         {OCELLI} resume {disk}/run --quiet; echo status $?
         sha256sum < {disk}/run/checkpoints/last/model.safetensors
         {OCELLI} train {recipe} --out {disk}/unbroken --quiet{sets}
         sha256sum < {disk}/unbroken/checkpoints/last/model.safetensors",
        disk = disk.display(),
        recipe = recipe.display(),
    );
    let output =
        Command::new("unshare").args(["--mount", "--map-root-user", "sh", "-c", &script]).output();
    let text = match &output {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(_) => String::new(),
    };
    if text.is_empty() || text.contains("SKIP") {
        eprintln!(
            "skipped: this system does not let a test mount a disk of its own (unshare --mount)"
        );
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "status 1", "{text}");
    assert!(lines[1].contains("checkpoint could not be written"), "{text}");
    assert!(lines[1].contains("No space left"), "{text}");
    assert!(lines.contains(&"last"), "{text}");
    assert!(lines.contains(&"status 0"), "{text}");
    let sums: Vec<&&str> = lines.iter().filter(|line| line.ends_with(" -")).collect();
    assert_eq!(sums.len(), 2, "{text}");
    assert_eq!(sums[0], sums[1], "{text}");
}
