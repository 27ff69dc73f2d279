//! The event file of one run of TensorBoard's, which is a folder.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::message::{Event, Histogram, Image, SessionLog, Summary, Value, Written};
use crate::record;

/// What every event file begins with.
const FILE_VERSION: &str = "brain.Event:2";
/// Files with this in their name are event files; the rest is ours.
const FILE_NAME: &str = "events.out.tfevents.";
/// `SessionLog::START`.
const SESSION_START: i32 = 1;

/// Which events of an interrupted run are kept: those up to and of this step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The last step that counts.
    pub last_step: i64,
}

/// The event file of one run of TensorBoard's.
#[derive(Debug)]
pub struct Events {
    path: PathBuf,
    /// Values of the step at hand, not yet written.
    values: Vec<Value>,
}

impl Events {
    /// Begins, or goes on with, the event file in `folder`. Whole records up to `wanted` are taken
    /// over from a file that is there already, into a new one that then replaces it: later ones,
    /// and a record that a crash cut short, are gone. Returns the file and the events taken over,
    /// as `each` sees them.
    ///
    /// The new file says at its beginning that what was read before is void, so that a TensorBoard
    /// that is looking at the folder shows nothing twice either.
    ///
    /// # Errors
    /// What the system says; the old file is then as it was.
    pub fn continued(
        folder: &Path,
        wanted: Wanted,
        mut each: impl FnMut(&Event),
    ) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        let old = event_files(folder)?;
        let newest = old.last();
        let path = folder.join(new_name(newest.map(PathBuf::as_path)));
        // Not named like an event file until it is whole.
        let unfinished = folder.join("continued.new");
        let mut file = BufWriter::new(File::create(&unfinished)?);
        let mut put = |event: &Event| {
            let mut bytes = Vec::new();
            record::push(&mut bytes, &event.encode_to_vec());
            file.write_all(&bytes)
        };
        put(&event(0, Written::FileVersion(FILE_VERSION.into())))?;
        if let Some(newest) = newest {
            put(&event(0, Written::SessionLog(SessionLog { status: SESSION_START })))?;
            // The newest is whole: a crash between two files leaves the older one beside it.
            let mut records = BufReader::new(File::open(newest)?);
            while let Some(data) = record::next(&mut records)? {
                let Ok(event) = Event::decode(data.as_slice()) else { break };
                let is_summary = matches!(event.what, Some(Written::Summary(_)));
                if is_summary && event.step <= wanted.last_step {
                    put(&event)?;
                    each(&event);
                }
            }
        }
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&unfinished, &path)?;
        for file in old {
            fs::remove_file(file)?;
        }
        Ok(Self { path, values: Vec::new() })
    }

    /// A number.
    pub fn scalar(&mut self, tag: impl Into<String>, value: f64) {
        let simple_value = Some(value as f32);
        self.values.push(Value { tag: tag.into(), simple_value, ..Value::default() });
    }

    /// A picture, as a PNG of these pixels.
    pub fn image(&mut self, tag: impl Into<String>, [height, width]: [u32; 2], png: Vec<u8>) {
        let [height, width] = [height, width].map(|side| i32::try_from(side).unwrap_or(i32::MAX));
        let image = Some(Image { height, width, channels: 3, encoded: png });
        self.values.push(Value { tag: tag.into(), image, ..Value::default() });
    }

    /// How numbers are spread; nothing if none of them is finite.
    pub fn histogram(&mut self, tag: impl Into<String>, values: &[f32]) {
        if let Some(histogram) = Histogram::of(values) {
            let histogram = Some(histogram);
            self.values.push(Value { tag: tag.into(), histogram, ..Value::default() });
        }
    }

    /// Writes what was added since the last call, as values of `step`.
    ///
    /// # Errors
    /// What the system says. The file may then end within a record, which readers leave out; do
    /// not write on.
    pub fn write(&mut self, step: i64) -> std::io::Result<()> {
        if self.values.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        // A record each: readers that pass over a kind of values need not hold it.
        for value in self.values.drain(..) {
            let summary = Written::Summary(Summary { values: vec![value] });
            record::push(&mut bytes, &event(step, summary).encode_to_vec());
        }
        // Opened each time: a run of days holds no file open for a line an epoch.
        OpenOptions::new().append(true).open(&self.path)?.write_all(&bytes)
    }
}

fn event(step: i64, what: Written) -> Event {
    let wall_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    Event { wall_time, step, what: Some(what) }
}

/// The folder's event files, oldest first: their names begin with a time.
fn event_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if time_of(&path).is_some() {
            files.push(path);
        }
    }
    files.sort_by_key(|path| time_of(path));
    Ok(files)
}

/// The seconds in an event file's name.
fn time_of(path: &Path) -> Option<u64> {
    let rest = path.file_name()?.to_str()?.strip_prefix(FILE_NAME)?;
    rest.split('.').next()?.parse().ok()
}

/// A name that sorts behind the newest one's: TensorBoard reads a folder's files in that order.
fn new_name(newest: Option<&Path>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let after = newest.and_then(time_of).map_or(0, |time| time.saturating_add(1));
    format!("{FILE_NAME}{:010}.ocelli", now.max(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(folder: &Path) -> Vec<(i64, String)> {
        let mut seen = Vec::new();
        let files = event_files(folder).unwrap();
        assert_eq!(files.len(), 1, "{files:?}");
        let mut file = BufReader::new(File::open(&files[0]).unwrap());
        while let Some(data) = record::next(&mut file).unwrap() {
            let event = Event::decode(data.as_slice()).unwrap();
            if let Some(Written::Summary(summary)) = event.what {
                seen.extend(summary.values.into_iter().map(|value| (event.step, value.tag)));
            }
        }
        seen
    }

    #[test]
    fn going_on_keeps_what_counts_and_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut events = Events::continued(folder, Wanted { last_step: 0 }, |_| ()).unwrap();
        for step in 1..=3 {
            events.scalar("loss", 1.0 / step as f64);
            events.histogram("weights/fc", &[0.0, 1.0]);
            events.write(step).unwrap();
        }
        // A crash within a record.
        let file = event_files(folder).unwrap().remove(0);
        let length = fs::metadata(&file).unwrap().len();
        OpenOptions::new().write(true).open(&file).unwrap().set_len(length - 3).unwrap();
        let mut kept = 0;
        let mut events = Events::continued(folder, Wanted { last_step: 2 }, |_| kept += 1).unwrap();
        assert_eq!(kept, 4);
        events.scalar("loss", 0.5);
        events.write(3).unwrap();
        let tags = [(1, "loss"), (1, "weights/fc"), (2, "loss"), (2, "weights/fc"), (3, "loss")];
        assert_eq!(steps(folder), tags.map(|(step, tag)| (step, tag.to_owned())));
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
    }
}
