use crate::buffer::{BUFFER_CONTAINER, COUNTER_CONTAINER};

/// Where a traversal of a module is, as state-dict keys name it.
#[derive(Default)]
pub(super) struct Path {
    key: String,
    /// For each container entered, the key's length before it.
    lengths: Vec<usize>,
    in_buffer: bool,
}

impl Path {
    pub(super) fn enter(&mut self, name: &str, container: &str) {
        self.lengths.push(self.key.len());
        if is_buffer(container) {
            self.in_buffer = true;
        } else if !container.starts_with("Enum:") {
            if !self.key.is_empty() {
                self.key.push('.');
            }
            self.key.push_str(name);
        }
    }

    pub(super) fn exit(&mut self, container: &str) {
        if is_buffer(container) {
            self.in_buffer = false;
        }
        if let Some(length) = self.lengths.pop() {
            self.key.truncate(length);
        }
    }

    /// The key of the tensor at hand.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Whether the tensor at hand is a buffer rather than a parameter.
    pub(super) fn in_buffer(&self) -> bool {
        self.in_buffer
    }
}

fn is_buffer(container: &str) -> bool {
    container == BUFFER_CONTAINER || container == COUNTER_CONTAINER
}
