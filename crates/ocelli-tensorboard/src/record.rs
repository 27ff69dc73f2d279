//! The frame around each event: TFRecord.
//!
//! A record is its length (u64), the masked checksum of those eight bytes (u32), the data, and the
//! masked checksum of the data (u32), all little-endian; checksums are CRC-32C.

use std::io::Read;

/// Appends a framed record to `to`.
pub fn push(to: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    to.extend(length);
    to.extend(masked(&length).to_le_bytes());
    to.extend(data);
    to.extend(masked(data).to_le_bytes());
}

/// The longest record that is read: no event of ours comes near, and a damaged length must not ask
/// for all memory.
const MAX_LENGTH: u64 = 1 << 30;

/// The next whole record; `None` at the end, and where the file was cut short or damaged: what
/// follows can't be told apart any more.
///
/// # Errors
/// What the system says, other than that the file ends.
pub fn next(from: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = [0; 12];
    if !filled(from, &mut head)? {
        return Ok(None);
    }
    let (length, checksum) = head.split_at(8);
    let length: [u8; 8] = length.try_into().expect("eight bytes");
    let size = u64::from_le_bytes(length);
    if masked(&length).to_le_bytes() != checksum || size > MAX_LENGTH {
        return Ok(None);
    }
    // Grows as bytes come: the file may be shorter than it says.
    let mut data = Vec::new();
    from.take(size).read_to_end(&mut data)?;
    let mut checksum = [0; 4];
    let is_whole = data.len() as u64 == size
        && filled(from, &mut checksum)?
        && masked(&data).to_le_bytes() == checksum;
    Ok(is_whole.then_some(data))
}

fn filled(from: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Masked, so that data that holds checksums of itself has another one.
fn masked(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_framed_as_tensorflow_does_it() {
        let mut file = Vec::new();
        push(&mut file, b"ocelli");
        // What tensorboard 2.21 writes: RecordWriter(file).write(b"ocelli").
        let (head, foot) = ([6, 0, 0, 0, 0, 0, 0, 0, 115, 105, 213, 55], [158, 135, 215, 43]);
        assert_eq!(file, [&head[..], b"ocelli", &foot].concat());
        assert_eq!(next(&mut file.as_slice()).unwrap(), Some(b"ocelli".to_vec()));
    }

    #[test]
    fn what_is_cut_short_or_damaged_ends_the_file() {
        let mut file = Vec::new();
        push(&mut file, b"first");
        let whole = file.len();
        push(&mut file, b"second");
        for end in whole..file.len() {
            let mut rest = &file[..end];
            assert_eq!(next(&mut rest).unwrap().as_deref(), Some(&b"first"[..]));
            assert_eq!(next(&mut rest).unwrap(), None, "cut at {end}");
        }
        for place in 0..whole {
            let mut damaged = file.clone();
            damaged[place] ^= 0x10;
            assert_eq!(next(&mut damaged.as_slice()).unwrap(), None, "damaged at {place}");
        }
    }
}
