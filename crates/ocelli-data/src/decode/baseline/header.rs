//! The segments before the scan.

use super::huffman::Table;

/// What the header says of a picture that this decoder can decode.
pub(super) struct Frame<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    /// One (gray) or three (Y, Cb, Cr).
    pub(super) components: Vec<Component>,
    /// Blocks of luma in a unit, across and down; chroma has one.
    pub(super) luma_blocks: [usize; 2],
    /// Units between restart markers; 0 without.
    pub(super) restart_interval: usize,
    /// Entropy-coded data, to the end of the file.
    pub(super) scan: &'a [u8],
}

/// One of the picture's colour planes.
pub(super) struct Component {
    /// Blocks in a unit, across and down.
    pub(super) blocks: [usize; 2],
    /// Quantization steps, in the order of the coefficients in the file.
    pub(super) steps: [i16; 64],
    pub(super) dc: Table,
    pub(super) ac: Table,
}

#[derive(Default)]
struct Tables {
    steps: [Option<[i16; 64]>; 4],
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    restart_interval: usize,
    /// Colour transform of an Adobe segment.
    adobe: Option<u8>,
}

struct Declared {
    id: u8,
    blocks: [usize; 2],
    steps: usize,
}

struct Start {
    size: [usize; 2],
    components: Vec<Declared>,
}

/// Reads all segments up to the first scan.
pub(super) fn read(bytes: &[u8]) -> Option<Frame<'_>> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    let mut tables = Tables::default();
    let mut start = None;
    loop {
        let [0xff, marker, ..] = *rest else { return None };
        rest = &rest[2..];
        let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
        let segment = rest.get(2..length)?;
        rest = &rest[length..];
        match marker {
            0xc0 | 0xc1 if start.is_none() => start = Some(start_of_frame(segment)?),
            0xc4 => huffman_tables(segment, &mut tables)?,
            0xdb => quantization_tables(segment, &mut tables)?,
            0xdd => {
                let interval: [u8; 2] = segment.try_into().ok()?;
                tables.restart_interval = usize::from(u16::from_be_bytes(interval));
            }
            0xda => return start_of_scan(segment, &start?, tables, rest),
            0xee if segment.starts_with(b"Adobe") => tables.adobe = segment.get(11).copied(),
            0xe0..=0xef | 0xfe => {}
            // Other frames, arithmetic coding, hierarchies; standalone markers out of place.
            _ => return None,
        }
    }
}

fn start_of_frame(segment: &[u8]) -> Option<Start> {
    let [8, h1, h0, w1, w0, count, declared @ ..] = segment else { return None };
    let size = [[*h1, *h0], [*w1, *w0]].map(|side| usize::from(u16::from_be_bytes(side)));
    let (declared, []) = declared.as_chunks::<3>() else { return None };
    if declared.len() != usize::from(*count) || size.contains(&0) {
        return None;
    }
    let components = declared.iter().map(|&[id, factors, steps]| Declared {
        id,
        blocks: [usize::from(factors >> 4), usize::from(factors & 15)],
        steps: usize::from(steps),
    });
    Some(Start { size, components: components.collect() })
}

fn start_of_scan<'a>(
    segment: &[u8],
    start: &Start,
    mut tables: Tables,
    scan: &'a [u8],
) -> Option<Frame<'a>> {
    let [count, selected @ ..] = segment else { return None };
    let selected = selected.strip_suffix(&[0, 63, 0])?;
    let (selected, []) = selected.as_chunks::<2>() else { return None };
    if selected.len() != usize::from(*count) || selected.len() != start.components.len() {
        return None;
    }
    let luma_blocks = match &start.components[..] {
        // A lone component's blocks come one by one, whatever its factors say.
        [_] => [1, 1],
        [luma, blue, red] if blue.blocks == [1, 1] && red.blocks == [1, 1] => luma.blocks,
        _ => return None,
    };
    if ![[1, 1], [2, 1], [2, 2]].contains(&luma_blocks)
        || tables.adobe.is_some_and(|kind| kind != 1)
    {
        return None;
    }
    // Without JFIF and Adobe segments, these ids mean that the components are R, G and B.
    let ids: Vec<u8> = start.components.iter().map(|declared| declared.id).collect();
    if ids == *b"RGB" {
        return None;
    }
    // Too small for libjpeg's triangle filter.
    if start.size[1] < 8 {
        return None;
    }
    let mut components = Vec::new();
    for (at, (declared, &[id, choice])) in start.components.iter().zip(selected).enumerate() {
        if declared.id != id {
            return None;
        }
        let (dc, ac) = (usize::from(choice >> 4), usize::from(choice & 15));
        let last_use = |later: fn(u8) -> usize, table: usize| {
            selected[at + 1..].iter().all(|&[_, choice]| later(choice) != table)
        };
        let dc_last = last_use(|choice| usize::from(choice >> 4), dc);
        let ac_last = last_use(|choice| usize::from(choice & 15), ac);
        let take = |slot: &mut Option<Table>, last| if last { slot.take() } else { slot.clone() };
        components.push(Component {
            blocks: if at == 0 { luma_blocks } else { [1, 1] },
            steps: (*tables.steps.get(declared.steps)?)?,
            dc: take(tables.dc.get_mut(dc)?, dc_last)?,
            ac: take(tables.ac.get_mut(ac)?, ac_last)?,
        });
    }
    let [height, width] = start.size;
    let restart_interval = tables.restart_interval;
    Some(Frame { width, height, components, luma_blocks, restart_interval, scan })
}

fn quantization_tables(mut segment: &[u8], tables: &mut Tables) -> Option<()> {
    while let [kind, rest @ ..] = segment {
        let slot = tables.steps.get_mut(usize::from(kind & 15))?;
        let mut steps = [0; 64];
        // Sixteen bits a step are for 12-bit samples.
        if kind >> 4 != 0 {
            return None;
        }
        let values = rest.get(..64)?;
        for (step, &value) in steps.iter_mut().zip(values) {
            *step = i16::from(value);
        }
        *slot = Some(steps);
        segment = &rest[64..];
    }
    Some(())
}

fn huffman_tables(mut segment: &[u8], tables: &mut Tables) -> Option<()> {
    while let [kind, rest @ ..] = segment {
        let lengths: &[u8; 16] = rest.first_chunk()?;
        let count: usize = lengths.iter().map(|&count| usize::from(count)).sum();
        let symbols = rest.get(16..16 + count)?;
        let slots = match kind >> 4 {
            0 => &mut tables.dc,
            1 => &mut tables.ac,
            _ => return None,
        };
        *slots.get_mut(usize::from(kind & 15))? =
            Some(Table::new(lengths, symbols, kind >> 4 == 1)?);
        segment = &rest[16 + count..];
    }
    Some(())
}
