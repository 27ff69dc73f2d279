//! Huffman codes, and the bits that they are read from.

/// Codes up to this long are looked up at once; most are, and often with the value after them.
const LOOKUP_BITS: u32 = 10;

/// What a lookup finds. In the low byte, bits to consume; then, from bit 8, the run of zeros
/// before the value (4 bits), the bits of the value still to be read (4 bits), and the value.
#[derive(Clone, Copy)]
pub(super) struct Entry(u32);

/// In an entry's value bits to be read: the block ends here. A value never has 15 bits.
const END_OF_BLOCK: u32 = 15;

#[derive(Clone)]
pub(super) struct Table {
    lookup: Box<[Entry; 1 << LOOKUP_BITS]>,
    /// For the codes of each length: the first code past them, aligned to 16 bits.
    past: [u32; 17],
    /// For the codes of each length: what to add to a code to find its symbol.
    offset: [i32; 17],
    symbols: Vec<u8>,
    is_ac: bool,
}

impl Entry {
    const NONE: Self = Self(0);

    fn new(symbol: u8, length: u32, is_ac: bool) -> Self {
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        match (is_ac, run, size) {
            (true, 0, 0) => Self(length | END_OF_BLOCK << 12),
            _ => Self(length | run << 8 | size << 12),
        }
    }

    pub(super) fn run(self) -> usize {
        (self.0 >> 8 & 15) as usize
    }

    /// Whether the block ends; any other entry is a value.
    pub(super) fn is_end(self) -> bool {
        self.0 >> 12 & 15 == END_OF_BLOCK
    }
}

impl Table {
    /// A table of the codes with these counts per length.
    pub(super) fn new(lengths: &[u8; 16], symbols: &[u8], is_ac: bool) -> Option<Self> {
        // A difference of DC values has at most 11 bits, a value 10; a run without a value is
        // 16 zeros or the end of the block. Everything else is no baseline JPEG.
        let legal = |&symbol: &u8| match is_ac {
            false => symbol <= 11,
            true => symbol & 15 <= 10 && (symbol & 15 > 0 || symbol == 0 || symbol == 0xf0),
        };
        if !symbols.iter().all(legal) {
            return None;
        }
        let mut lookup = Box::new([Entry::NONE; 1 << LOOKUP_BITS]);
        let (mut past, mut offset) = ([0; 17], [0; 17]);
        let (mut code, mut next) = (0u32, 0usize);
        for length in 1..=16u32 {
            offset[length as usize] = next as i32 - code as i32;
            for _ in 0..lengths[length as usize - 1] {
                if code >= 1 << length {
                    return None;
                }
                if length <= LOOKUP_BITS {
                    let spare = LOOKUP_BITS - length;
                    let first = (code << spare) as usize;
                    for at in first..first + (1 << spare) {
                        let after = at as u32 & ((1 << spare) - 1);
                        lookup[at] =
                            with_value(Entry::new(symbols[next], length, is_ac), after, spare);
                    }
                }
                code += 1;
                next += 1;
            }
            past[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Some(Self { lookup, past, offset, symbols: symbols.to_vec(), is_ac })
    }

    /// A code longer than the lookup.
    #[cold]
    fn find_long(&self, bits: u64) -> Option<Entry> {
        let window = (bits >> 48) as u32;
        let length = (LOOKUP_BITS + 1..=16).find(|&length| window < self.past[length as usize])?;
        let code = (window >> (16 - length)) as i32;
        let symbol = *self.symbols.get((code + self.offset[length as usize]) as usize)?;
        Some(Entry::new(symbol, length, self.is_ac))
    }
}

/// The entry with the value that follows its code, if that lies within the `spare` bits `after` it.
fn with_value(entry: Entry, after: u32, spare: u32) -> Entry {
    let size = entry.0 >> 12 & 15;
    if size == 0 || size == END_OF_BLOCK || size > spare {
        return entry;
    }
    let value = extend(after >> (spare - size), size);
    let length = (entry.0 & 0xff) + size;
    Entry(length | entry.0 & 0xf00 | (value as u16 as u32) << 16)
}

/// The number that `size` bits stand for: the lower half of them are negative.
#[inline]
fn extend(bits: u32, size: u32) -> i16 {
    let below = (1i32 << size) - 1;
    let bits = bits as i32;
    (if bits > below >> 1 { bits } else { bits - below }) as i16
}

/// Bits, from the highest of the first byte on. Behind the end there are zeros.
#[derive(Clone)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    position: usize,
    /// The next bits, from the highest on.
    buffer: u64,
    /// How many of them count.
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0, buffer: 0, count: 0 }
    }

    /// At least 56 bits from now on.
    #[inline(always)]
    fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        let word = match self.data.get(self.position..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => self.tail(),
        };
        self.buffer |= word >> self.count;
        self.position += (63 - self.count as usize) >> 3;
        self.count |= 56;
    }

    #[cold]
    fn tail(&self) -> u64 {
        let mut bytes = [0; 8];
        let rest = self.data.get(self.position..).unwrap_or_default();
        bytes[..rest.len()].copy_from_slice(rest);
        u64::from_be_bytes(bytes)
    }

    /// Reads a code and the value after it. A code has at most 16 bits, a value at most 11.
    #[inline(always)]
    pub(super) fn read(&mut self, table: &Table) -> Option<(Entry, i16)> {
        self.refill();
        let mut entry = table.lookup[(self.buffer >> (64 - LOOKUP_BITS)) as usize];
        if entry.0 == 0 {
            entry = table.find_long(self.buffer)?;
        }
        let length = entry.0 & 0xff;
        self.buffer <<= length;
        self.count -= length;
        let size = entry.0 >> 12 & 15;
        if size == 0 || size == END_OF_BLOCK {
            return Some((entry, (entry.0 >> 16) as i16));
        }
        let value = extend((self.buffer >> (64 - size)) as u32, size);
        self.buffer <<= size;
        self.count -= size;
        Some((entry, value))
    }

    /// Whether everything was read and nothing more: what is left are fewer bits than a byte.
    pub(super) fn is_at_end(&self) -> bool {
        let read = self.position * 8 - self.count as usize;
        read <= self.data.len() * 8 && read + 8 > self.data.len() * 8
    }
}
