//! Pictures and masks kept in memory.

use std::sync::OnceLock;

use super::{Kept, Room};
use crate::picture::{Mask, Picture};

/// Places for every sample, filled until the room is used up.
#[derive(Debug)]
pub(super) struct MemoryCache {
    pictures: Vec<OnceLock<Picture>>,
    /// Made when the first mask is kept: most datasets have none.
    masks: OnceLock<Vec<OnceLock<Mask>>>,
    room: Room,
}

fn places<K>(samples: usize) -> Vec<OnceLock<K>> {
    std::iter::repeat_with(OnceLock::new).take(samples).collect()
}

impl MemoryCache {
    pub(super) fn new(samples: usize, max_bytes: u64) -> Self {
        let room = Room::new(0, max_bytes);
        Self { pictures: places(samples), masks: OnceLock::new(), room }
    }

    pub(super) fn get(&self, index: usize) -> Option<Picture> {
        self.pictures.get(index)?.get().cloned()
    }

    pub(super) fn keep(&self, index: usize, picture: &Picture) {
        self.fill(self.pictures.get(index), picture);
    }

    pub(super) fn mask(&self, index: usize) -> Option<Mask> {
        self.masks.get()?.get(index)?.get().cloned()
    }

    pub(super) fn keep_mask(&self, index: usize, mask: &Mask) {
        let masks = self.masks.get_or_init(|| places(self.pictures.len()));
        self.fill(masks.get(index), mask);
    }

    fn fill<K: Kept + Clone>(&self, place: Option<&OnceLock<K>>, kept: &K) {
        let Some(place) = place else { return };
        let bytes = kept.values().len() as u64;
        // Two threads may have decoded the same sample: the second one's room is given back.
        if self.room.take(bytes) && place.set(kept.clone()).is_err() {
            self.room.give_back(bytes);
        }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.room.used()
    }
}
