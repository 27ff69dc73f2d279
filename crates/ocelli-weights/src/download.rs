//! Files over https, kept in a cache: fetched once, resumed where they broke off, verified before
//! they are used.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// A file over https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its address.
    pub url: String,
    /// Its SHA-256 in hexadecimal, or the first digits of it.
    pub sha256: Option<String>,
}

/// Why a file could not be had.
#[derive(Debug, Error)]
#[error(
    "{url}: {reason}. To go on without the network, fetch the file elsewhere and put it at {}",
    path.display()
)]
pub struct DownloadError {
    /// Its address.
    pub url: String,
    /// Where it belongs.
    pub path: PathBuf,
    /// What went wrong.
    pub reason: String,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Nothing for so long: the connection is dead.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(60);
const CHUNK: usize = 1 << 16;
/// Set to anything but 0, nothing is fetched.
const OFFLINE: &str = "OCELLI_OFFLINE";
/// The cache's folder, instead of the system's.
const CACHE: &str = "OCELLI_CACHE";

/// Where a file is kept.
fn place(url: &str) -> PathBuf {
    let root = match std::env::var_os(CACHE).filter(|root| !root.is_empty()) {
        Some(root) => PathBuf::from(root),
        None => match etcetera::choose_base_strategy() {
            Ok(strategy) => strategy.cache_dir().join("ocelli"),
            Err(_) => std::env::temp_dir().join("ocelli"),
        },
    };
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    // Each part of the address a folder; nothing that means something to a file system.
    let parts = rest.split('/').map(|part| {
        let part: String = part
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
            .collect();
        if part.is_empty() || part.starts_with('.') { format!("_{part}") } else { part }
    });
    parts.fold(root.join("weights"), |path, part| path.join(part))
}

/// The file in the cache, fetched where it is not there yet.
///
/// # Errors
/// [`DownloadError`].
pub(crate) fn fetch(
    remote: &Remote,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<PathBuf, DownloadError> {
    let path = place(&remote.url);
    let failed =
        |reason: String| DownloadError { url: remote.url.clone(), path: path.clone(), reason };
    if path.exists() {
        verify(&path, remote).map_err(|reason| {
            failed(format!("the file in the cache is not the one wanted: {reason}; delete it"))
        })?;
        return Ok(path);
    }
    if std::env::var_os(OFFLINE).is_some_and(|value| !value.is_empty() && value != "0") {
        return Err(failed(format!("it is not in the cache, and {OFFLINE} forbids fetching it")));
    }
    into_cache(remote, &path, progress).map_err(failed)?;
    Ok(path)
}

fn into_cache(
    remote: &Remote,
    path: &Path,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let (part_path, tag_path) = (beside(".part"), beside(".etag"));
    let mut part = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&part_path)
        .map_err(|error| format!("{}: {error}", part_path.display()))?;
    // One process fetches, others wait for it.
    part.lock().map_err(text)?;
    if path.exists() {
        return verify(path, remote);
    }
    let tag = fs::read_to_string(&tag_path).ok();
    receive(remote, &mut part, tag, &tag_path, progress)?;
    part.sync_all().map_err(text)?;
    if let Err(reason) = verify(&part_path, remote) {
        // Not to be resumed.
        let _ = fs::remove_file(&part_path);
        let _ = fs::remove_file(&tag_path);
        return Err(reason);
    }
    fs::rename(&part_path, path).map_err(text)?;
    let _ = fs::remove_file(&tag_path);
    Ok(())
}

/// Fetches what is missing of `part`.
fn receive(
    remote: &Remote,
    part: &mut File,
    tag: Option<String>,
    tag_path: &Path,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .https_only(remote.url.starts_with("https://"))
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(RECEIVE_TIMEOUT))
        .user_agent(concat!("ocelli/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut done = part.seek(SeekFrom::End(0)).map_err(text)?;
    // Without a tag nobody knows whether the rest belongs to the beginning.
    let resumable = tag.filter(|_| done > 0);
    let mut request = agent.get(&remote.url);
    if let Some(tag) = &resumable {
        request = request.header("Range", format!("bytes={done}-")).header("If-Range", tag);
    }
    let response = request.call().map_err(|error| error.to_string())?;
    match response.status().as_u16() {
        206 if resumable.is_some() => {}
        200 => {
            part.set_len(0).map_err(text)?;
            part.seek(SeekFrom::Start(0)).map_err(text)?;
            done = 0;
        }
        status => {
            return Err(format!("the server answered {status} {}", reason_of(status)));
        }
    }
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let total = header("content-length")
        .and_then(|length| length.parse::<u64>().ok())
        .map(|length| length + done);
    if let Some(tag) = header("etag").filter(|tag| !tag.starts_with("W/")) {
        fs::write(tag_path, tag).map_err(text)?;
    }
    let mut reader = response.into_body().into_reader();
    let mut buffer = vec![0; CHUNK];
    loop {
        progress(done, total);
        let count = reader.read(&mut buffer).map_err(|error| {
            format!("the connection broke after {done} bytes ({error}); the same again resumes")
        })?;
        if count == 0 {
            break;
        }
        part.write_all(&buffer[..count]).map_err(text)?;
        done += count as u64;
    }
    match total {
        Some(total) if total != done => Err(format!(
            "the connection broke after {done} of {total} bytes; the same again resumes"
        )),
        _ => Ok(()),
    }
}

fn reason_of(status: u16) -> &'static str {
    match status {
        401 | 403 => "(not allowed)",
        404 => "(no such file)",
        429 => "(too many requests)",
        500.. => "(its own fault; try again later)",
        _ => "",
    }
}

/// Whether a file has the digest that is known of it.
fn verify(path: &Path, remote: &Remote) -> Result<(), String> {
    let Some(expected) = &remote.sha256 else { return Ok(()) };
    let mut hasher = Sha256::new();
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = file.read(&mut buffer).map_err(|error| error.to_string())?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found.starts_with(expected.as_str()) {
        Ok(())
    } else {
        Err(format!("its SHA-256 is {found}, expected {expected}"))
    }
}

#[cfg(test)]
mod tests;
