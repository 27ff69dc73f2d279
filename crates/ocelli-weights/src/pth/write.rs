use std::io::{Cursor, Write};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{StateDict, Values};

/// PyTorch aligns numbers so that files can be mapped into memory.
const ALIGNMENT: u16 = 64;

/// A file's bytes as `torch.save` writes a state dict: an `OrderedDict` of tensors by key, in the
/// order of the keys. The same for the same arrays, whenever and wherever.
///
/// # Panics
/// If the state dict is beyond what memory holds twice.
#[must_use]
pub fn to_bytes(state: &StateDict) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // The default time: the same bytes tomorrow.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .with_alignment(ALIGNMENT);
    let mut entry = |name: &str, bytes: &[u8]| {
        let options = options.large_file(bytes.len() > u32::MAX as usize);
        zip.start_file(format!("archive/{name}"), options).expect("names are short and apart");
        zip.write_all(bytes).expect("memory takes all");
    };
    entry("data.pkl", &description(state));
    entry("byteorder", b"little");
    for (index, (_, array)) in state.iter().enumerate() {
        let bytes: Vec<u8> = match array.values() {
            Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        entry(&format!("data/{index}"), &bytes);
    }
    entry("version", b"3\n");
    zip.finish().expect("memory takes all").into_inner()
}

/// The pickle, protocol 2.
fn description(state: &StateDict) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(b"\x80\x02ccollections\nOrderedDict\n)R(");
    for (index, (key, array)) in state.iter().enumerate() {
        text(&mut out, key);
        // _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        let class: &[u8] = match array.values() {
            Values::F32(_) => b"ctorch\nFloatStorage\n",
            Values::I64(_) => b"ctorch\nLongStorage\n",
        };
        out.extend(class);
        text(&mut out, &index.to_string());
        text(&mut out, "cpu");
        integer(&mut out, array.values().len());
        out.extend(b"tQK\x00(");
        for &length in array.shape() {
            integer(&mut out, length);
        }
        out.extend(b"t(");
        for axis in 0..array.shape().len() {
            integer(&mut out, array.shape()[axis + 1..].iter().product());
        }
        out.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
    }
    out.extend(b"u.");
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn integer(out: &mut Vec<u8>, value: usize) {
    match i32::try_from(value) {
        Ok(value) => {
            out.push(b'J');
            out.extend(value.to_le_bytes());
        }
        Err(_) => {
            out.extend([0x8a, 9]);
            out.extend((value as u64).to_le_bytes());
            out.push(0);
        }
    }
}
