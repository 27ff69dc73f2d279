//! Pictures kept in memory.

use std::sync::OnceLock;

use super::Room;
use crate::picture::Picture;

/// A place for every sample, filled until the room is used up.
#[derive(Debug)]
pub(super) struct MemoryCache {
    places: Vec<OnceLock<Picture>>,
    room: Room,
}

impl MemoryCache {
    pub(super) fn new(samples: usize, max_bytes: u64) -> Self {
        let places = std::iter::repeat_with(OnceLock::new).take(samples).collect();
        Self { places, room: Room::new(0, max_bytes) }
    }

    pub(super) fn get(&self, index: usize) -> Option<Picture> {
        self.places.get(index)?.get().cloned()
    }

    pub(super) fn keep(&self, index: usize, picture: &Picture) {
        let Some(place) = self.places.get(index) else { return };
        let bytes = picture.pixels().len() as u64;
        // Two threads may have decoded the same sample: the second one's room is given back.
        if self.room.take(bytes) && place.set(picture.clone()).is_err() {
            self.room.give_back(bytes);
        }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.room.used()
    }
}
