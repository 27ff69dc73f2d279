use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::*;

/// A server of one file, which notes what it was asked for.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// How a server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// As asked, ranges included.
    Well,
    /// From the beginning always.
    WithoutRanges,
    /// The first time with half of the file alone.
    BreakingOff,
    /// Never.
    NotFound,
    /// With another address.
    Redirecting,
}

fn serve(body: &'static [u8], manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/folder/file.pth", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    thread::spawn(move || {
        for (count, stream) in listener.incoming().enumerate() {
            let Ok(stream) = stream else { continue };
            answer(stream, body, manner, count, &notes);
        }
    });
    Server { url, asked }
}

fn answer(
    mut stream: TcpStream,
    body: &[u8],
    manner: Manner,
    count: usize,
    notes: &Mutex<Vec<String>>,
) {
    let mut start = 0;
    let mut path = String::new();
    for line in BufReader::new(&stream).lines() {
        let Ok(line) = line else { return };
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            notes.lock().expect("no panic").push(range.to_owned());
            start = range.trim_end_matches('-').parse().expect("a number");
        }
        if line.starts_with("GET") {
            path = line.clone();
        }
        if line.is_empty() {
            break;
        }
    }
    let head = |status: &str, length: usize| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: \"tag\"\r\nConnection: close\r\n"
        )
    };
    let _ = match manner {
        Manner::NotFound => write!(stream, "{}\r\n", head("404 Not Found", 0)),
        Manner::Redirecting if !path.contains("elsewhere") => {
            write!(stream, "{}Location: /elsewhere\r\n\r\n", head("302 Found", 0))
        }
        Manner::BreakingOff if count == 0 => {
            let _ = write!(stream, "{}\r\n", head("200 OK", body.len()));
            stream.write_all(&body[..body.len() / 2])
        }
        Manner::WithoutRanges => {
            let _ = write!(stream, "{}\r\n", head("200 OK", body.len()));
            stream.write_all(body)
        }
        _ if start > 0 => {
            let _ = write!(stream, "{}\r\n", head("206 Partial Content", body.len() - start));
            stream.write_all(&body[start..])
        }
        _ => {
            let _ = write!(stream, "{}\r\n", head("200 OK", body.len()));
            stream.write_all(body)
        }
    };
}

const BODY: &[u8] = b"not weights, but the same every time: a server serves it";
const DIGEST: &str = "b9d5ff8d";

fn fetched(server: &Server, sha256: Option<&str>, path: &Path) -> Result<(), String> {
    let remote = Remote { url: server.url.clone(), sha256: sha256.map(str::to_owned) };
    into_cache(&remote, path, &mut |_, _| {})
}

fn digest() -> String {
    Sha256::digest(BODY).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_file_is_fetched_verified_and_nothing_is_left_beside_it() {
    for manner in [Manner::Well, Manner::WithoutRanges, Manner::Redirecting] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/file.pth");
        fetched(&serve(BODY, manner), Some(&digest()[..8]), &path).expect("it is served");
        assert_eq!(fs::read(&path).expect("it is there"), BODY);
        assert_eq!(fs::read_dir(path.parent().expect("a folder")).expect("a folder").count(), 1);
    }
}

#[test]
fn a_broken_connection_is_resumed_where_it_broke() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.pth");
    let server = serve(BODY, Manner::BreakingOff);
    let reason = fetched(&server, Some(&digest()), &path).expect_err("it breaks off");
    assert!(reason.contains("the same again resumes"), "{reason}");
    assert!(!path.exists());
    fetched(&server, Some(&digest()), &path).expect("the rest is served");
    assert_eq!(fs::read(&path).expect("it is there"), BODY);
    assert_eq!(*server.asked.lock().expect("no panic"), [format!("{}-", BODY.len() / 2)]);
}

#[test]
fn a_file_with_another_digest_is_refused_and_fetched_anew_the_next_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.pth");
    let server = serve(BODY, Manner::Well);
    let reason = fetched(&server, Some(DIGEST), &path).expect_err("another digest");
    assert!(reason.contains(DIGEST) && reason.contains(&digest()), "{reason}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    fetched(&server, None, &path).expect("it is served");
}

#[test]
fn what_is_not_there_is_told_with_where_to_put_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.pth");
    let server = serve(BODY, Manner::NotFound);
    let reason = fetched(&server, None, &path).expect_err("it is not there");
    assert!(reason.contains("404 (no such file)"), "{reason}");
    let error = DownloadError { url: server.url.clone(), path: path.clone(), reason }.to_string();
    assert!(error.contains(&server.url) && error.contains(&path.display().to_string()), "{error}");
}

#[test]
fn every_address_has_a_place_of_its_own_inside_the_cache() {
    let places = [
        "https://a.b/c/model.safetensors",
        "https://a.b/d/model.safetensors",
        "https://a.b/../../d/model.safetensors",
        "https://a.b//d/model.safetensors",
    ]
    .map(place);
    for (index, place) in places.iter().enumerate() {
        assert!(place.components().all(|part| part.as_os_str() != ".."), "{}", place.display());
        assert!(!places[index + 1..].contains(place), "{}", place.display());
    }
}
