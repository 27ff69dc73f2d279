//! What the pipeline promises as a whole, and how it compares with torchvision.

mod chances;
mod masks;
mod policies;
mod properties;
mod reference;
mod settings;
mod sheet;
mod timing;
mod torchvision;
