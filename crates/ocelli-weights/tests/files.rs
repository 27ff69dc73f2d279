//! Weight files as PyTorch writes them (`fixtures/weights/generate.py`), and damaged ones.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ocelli_weights::{Array, Format, Loaded, StateDict, pth, read, write};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/weights").join(name)
}

fn loaded(name: &str) -> Loaded {
    read(fixture(name)).unwrap_or_else(|error| panic!("{error}"))
}

fn error(name: &str) -> String {
    read(fixture(name)).expect_err("no weights").to_string()
}

/// What the fixtures are made of.
fn plain() -> StateDict {
    [
        ("layer.weight", Array::from_f32(vec![2, 3], (0..6).map(|i| i as f32 / 4.0).collect())),
        ("layer.count", Array::from_i64(vec![], vec![7])),
        ("layer.bias", Array::from_f32(vec![3], vec![-1.0, -0.75, -0.5])),
    ]
    .into_iter()
    .map(|(key, array)| (key.to_owned(), array))
    .collect()
}

#[test]
fn archives_and_the_older_streams_are_read() {
    for name in ["plain.pth", "legacy.pth"] {
        let Loaded { state, format, notes } = loaded(name);
        assert_eq!((state, format), (plain(), Format::Pth), "{name}");
        assert!(notes.is_empty(), "{notes:?}");
    }
}

#[test]
fn views_of_a_storage_become_arrays_of_their_own() {
    let state = loaded("views.pth").state;
    let values = |key: &str| state.get(key).and_then(Array::as_f32).expect("floats").to_vec();
    assert_eq!(values("transposed"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(state.get("transposed").map(Array::shape), Some(&[3, 2][..]));
    assert_eq!(values("offset"), [10.0, 11.0, 12.0, 13.0]);
    assert_eq!(values("same"), values("offset"));
    assert_eq!(values("expanded"), [1.5; 6]);
    assert_eq!(state.get("empty").map(Array::shape), Some(&[0, 3][..]));
}

#[test]
fn every_type_of_number_is_read() {
    let weight: Vec<f32> = (0..6).map(|i| i as f32 / 4.0).collect();
    for (name, floats) in
        [("types.pth", &["f64", "f16", "bf16"][..]), ("legacy_types.pth", &["f64", "f16"][..])]
    {
        let state = loaded(name).state;
        for key in floats {
            assert_eq!(state.get(key).and_then(Array::as_f32), Some(&weight[..]), "{name} {key}");
        }
    }
    let state = loaded("types.pth").state;
    let integers = |key: &str| state.get(key).and_then(Array::as_i64).expect("integers").to_vec();
    assert_eq!(integers("i32"), [-3, 4]);
    assert_eq!(integers("u8"), [250]);
    assert_eq!(integers("i8"), [-7]);
    assert_eq!(integers("i16"), [-300]);
    assert_eq!(integers("bool"), [1, 0]);
    let state = loaded("legacy_types.pth").state;
    assert_eq!(state.get("i64").and_then(Array::as_i64), Some(&[5, -6][..]));
}

#[test]
fn the_weights_of_a_checkpoint_are_found_and_what_is_beside_them_told() {
    let Loaded { state, notes, .. } = loaded("checkpoint.pth");
    assert_eq!(state.len(), 3);
    let weight = state.get("module.layer.weight").expect("a weight");
    assert_eq!(Some(weight), plain().get("layer.weight"));
    let note = "took the weights under \"model_state_dict\" of a checkpoint (beside it: best, epoch, lr, optimizer)";
    assert_eq!(notes, [note]);
}

#[test]
fn nothing_in_a_file_is_run_and_what_would_have_been_is_named() {
    for name in ["runs.pth", "runs_legacy.pth"] {
        let error = error(name);
        assert!(error.contains("posix.system") || error.contains("nt.system"), "{error}");
        assert!(
            error.contains(name) && error.contains("nothing in a weight file is run"),
            "{error}"
        );
    }
    // A whole module needs its class.
    let error = error("module.pth");
    assert!(error.contains("torch.nn.modules.linear.Linear"), "{error}");
    assert!(error.contains("save `model.state_dict()` alone"), "{error}");
}

#[test]
fn files_that_hold_something_else_are_told_apart() {
    for (name, what) in [
        ("scores.pth", "a dictionary without tensors (its keys: accuracy, epoch)"),
        ("list.pth", "it holds a list"),
        ("pickle.pth", "a pickle of a dict, but not one of PyTorch's"),
        ("script.pth", "a TorchScript program"),
        ("generate.py", "a text file"),
    ] {
        let error = error(name);
        assert!(error.contains(name) && error.contains(what), "{error}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("weights.pth");
    for (bytes, what) in [
        (&b""[..], "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"PK\x03\x04 cut", "damaged or cut short"),
        (b"\x80\x02}", "ends at byte 3"),
        (b"abc", "too short"),
    ] {
        fs::write(&path, bytes).expect("room for a file");
        let error = read(&path).expect_err("no weights").to_string();
        assert!(error.contains("weights.pth") && error.contains(what), "{error}");
    }
    let error = read(folder.path().join("absent.pth")).expect_err("no file").to_string();
    assert!(error.contains("absent.pth"), "{error}");
}

#[test]
fn what_is_written_is_read_again_and_is_the_same_every_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut state = plain();
    state.insert("empty", Array::from_f32(vec![0, 3], vec![]));
    for (name, format) in [("a.pth", Format::Pth), ("a.safetensors", Format::Safetensors)] {
        let path = folder.path().join(name);
        assert_eq!(write(&path, &state).expect("room for a file"), format);
        let found = read(&path).expect("our own file");
        assert_eq!((found.state, found.format), (state.clone(), format));
    }
    assert_eq!(pth::to_bytes(&state), fs::read(folder.path().join("a.pth")).expect("it is there"));
    let error = write(folder.path().join("a.onnx"), &state).expect_err("no such format");
    assert!(error.to_string().contains(".safetensors or .pth"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 2, "nothing left over");
}

/// Of an archive of ours: the bytes of a tensor's numbers, and of the checksums of all entries.
#[test]
fn a_changed_number_is_noticed_unless_no_checksums_were_written() {
    let mut state = StateDict::new();
    let numbers: Vec<f32> = (0..100).map(|number| number as f32 + 0.125).collect();
    state.insert("weight", Array::from_f32(vec![100], numbers.clone()));
    let good = pth::to_bytes(&state);
    let stored: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let at = good.windows(stored.len()).position(|window| window == stored).expect("stored as is");
    let parse = |bytes: &[u8]| pth::parse(bytes, Path::new("a.pth"));
    let mut flipped = good.clone();
    flipped[at + 17] ^= 4;
    let error = parse(&flipped).expect_err("another number").to_string();
    assert!(error.contains("a.pth") && error.contains("checksum"), "{error}");
    // As `torch.serialization.set_crc32_options(False)` has it, in both headers of each entry.
    let mut without = good.clone();
    for (signature, offset) in [(b"PK\x03\x04", 14), (b"PK\x01\x02", 16)] {
        for start in 0..good.len() - 4 {
            if good[start..start + 4] == *signature {
                without[start + offset..start + offset + 4].fill(0);
            }
        }
    }
    assert_ne!(without, good);
    assert_eq!(parse(&without).expect("sound but for the sums").state, state);
}

#[test]
fn a_safetensors_file_is_one_whatever_the_length_of_its_header() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.safetensors");
    let mut lengths = std::collections::BTreeSet::new();
    // Headers are multiples of 8 bytes long: one of 0x80 looks like a pickle's first byte.
    for length in 0..600 {
        let mut state = StateDict::new();
        state.insert("k".repeat(length), Array::from_f32(vec![1], vec![2.5]));
        write(&path, &state).expect("room for a file");
        lengths.insert(fs::read(&path).expect("it is there")[0]);
        assert_eq!(read(&path).expect("our own file").state, state);
    }
    assert!(lengths.contains(&0x80));
}

/// Damage anywhere gives an error or another state dict, never a panic or a huge allocation.
#[test]
fn damaged_files_never_panic() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for name in ["plain.pth", "legacy.pth", "views.pth", "checkpoint.pth", "runs.pth"] {
        let good = fs::read(fixture(name)).expect("a committed fixture");
        for _ in 0..2000 {
            let mut bytes = good.clone();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                bytes[at] =
                    if random(2) == 0 { random(256) as u8 } else { bytes[at] ^ 1 << random(8) };
            }
            if random(4) == 0 {
                bytes.truncate(random(bytes.len()));
            }
            if let Ok(file) = pth::parse(&bytes, Path::new("damaged.pth")) {
                let numbers: usize = file.state.iter().map(|(_, array)| array.values().len()).sum();
                assert!(numbers <= 64 * bytes.len());
            }
        }
    }
}

#[test]
fn deeply_nested_and_cyclic_values_are_no_danger() {
    // A tuple in a tuple in a tuple…
    let mut nested = b"\x80\x02N".to_vec();
    nested.extend(std::iter::repeat_n(0x85, 1 << 20));
    nested.push(b'.');
    assert!(pth::parse(&nested, Path::new("nested.pth")).is_err());
    // A list that holds itself: ] memo 0, get 0, append.
    let cyclic = b"\x80\x02]q\x00h\x00a.";
    assert!(pth::parse(cyclic, Path::new("cyclic.pth")).is_err());
    // More values than memory should hold.
    let mut many = b"\x80\x02(".to_vec();
    many.extend(std::iter::repeat_n(b'N', 5 << 20));
    many.extend(b"l.");
    let error = pth::parse(&many, Path::new("many.pth")).expect_err("too many").to_string();
    assert!(error.contains("more than"), "{error}");
}
